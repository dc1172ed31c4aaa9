#include <atoll/compare/availability.hpp>
#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/spi/random.hpp>

#include <fmt/format.h>

#include <bit>
#include <cmath>

namespace atl::compare {

namespace {

using namespace std::chrono_literals;

/// Sets of the same size that are tried at most.
constexpr std::size_t sets_max = 40;

/// A group of replicas with one client, which writes until it is answered.
class client_of_group {
 public:
  client_of_group(const sim::simulation_options& options, const sim::consensus_factory& factory)
      : replicas_{options.replicas}, group_{options, factory} {}

  sim::scripted_simulation& group() { return group_; }

  /// Tries a write at one replica after the other. @returns whether it was answered
  bool write(std::chrono::microseconds limit) {
    auto until = group_.now() + limit;
    ++sequence_;
    while (group_.now() < until && group_.violation().empty()) {
      if (group_.up(asked_) && write_at(asked_))
        return true;
      asked_ = asked_ % replicas_ + 1;
      group_.run_for(50ms);
    }
    return false;
  }

 private:
  bool write_at(spi::replica_id replica) {
    sim::register_command command{.tag = ++tags_,
                                  .session = 1,
                                  .sequence = sequence_,
                                  .key = 1,
                                  .kind = sim::operation_kind::write,
                                  .argument = static_cast<std::int64_t>(sequence_),
                                  .expected = {}};
    return group_.await(group_.propose(replica, command), 2s).kind == sim::answer_kind::applied;
  }

  std::uint32_t replicas_;
  sim::scripted_simulation group_;
  spi::replica_id asked_ = 1;
  std::uint64_t sequence_ = 0;
  std::uint64_t tags_ = 0;
};

/// All sets of so many replicas, or a sample of them; bit i stands for replica i + 1.
std::vector<std::uint32_t> sets_of(std::uint32_t replicas, std::uint32_t size,
                                   spi::random_source& random) {
  std::vector<std::uint32_t> sets;
  for (std::uint32_t set = 0; set < 1u << replicas; ++set)
    if (static_cast<std::uint32_t>(std::popcount(set)) == size)
      sets.push_back(set);
  for (std::size_t i = 0; i < sets_max && sets.size() > sets_max; ++i)
    std::swap(sets[i], sets[i + random.below(sets.size() - i)]);
  return sets;
}

/// @returns whether a write commits while these replicas are stopped
result<bool> commits_without(std::uint32_t stopped, const sim::simulation_options& options,
                             const sim::consensus_factory& factory) {
  client_of_group client{options, factory};
  auto& group = client.group();
  if (!client.write(60s))
    return fail(errc::internal, group.violation().empty()
                                    ? "a group with all replicas up answered no write for a minute"
                                    : "the simulator reports " + group.violation());
  for (spi::replica_id id = 1; id <= options.replicas; ++id)
    if ((stopped >> (id - 1) & 1) != 0)
      group.crash(id);
  auto committed = client.write(20s);
  if (!group.violation().empty())
    return fail(errc::internal, "the simulator reports " + group.violation());
  return committed;
}

} // namespace

double down_probability(std::uint32_t replicas, std::uint32_t failed, double down) {
  auto ways = std::exp(std::lgamma(replicas + 1.0) - std::lgamma(failed + 1.0) -
                       std::lgamma(replicas - failed + 1.0));
  return ways * std::pow(down, failed) * std::pow(1 - down, replicas - failed);
}

double write_all_availability(std::uint32_t replicas, double down) {
  return std::pow(1 - down, replicas);
}

double majority_availability(std::uint32_t replicas, double down) {
  double sum = 0;
  for (std::uint32_t failed = 0; failed <= (replicas - 1) / 2; ++failed)
    sum += down_probability(replicas, failed, down);
  return sum;
}

double measured_availability::probability(double down) const {
  double sum = 0;
  for (auto& each : by_down)
    sum += down_probability(replicas, each.down, down) * static_cast<double>(each.committed) /
           static_cast<double>(each.tried);
  return sum;
}

result<measured_availability> measure_availability(const std::string& protocol,
                                                   const sim::consensus_factory& factory,
                                                   const spi::options& options,
                                                   std::uint32_t replicas, std::uint64_t seed) {
  sim::simulation_options how;
  how.seed = seed;
  how.replicas = replicas;
  how.protocol_options = options;
  how.fatal_is_failure = false;
  spi::random_source random{seed};
  measured_availability out{protocol, replicas, {}};
  for (std::uint32_t down = 0; down <= replicas; ++down) {
    auto sets = sets_of(replicas, down, random);
    commits_with_down it{.down = down, .all_tried = sets.size() <= sets_max};
    for (auto set : sets) {
      if (it.tried == sets_max)
        break;
      auto committed = commits_without(set, how, factory);
      if (!committed)
        return fail(committed.error(), fmt::format("{} with {} replicas", protocol, replicas));
      ++it.tried;
      it.committed += *committed;
    }
    out.by_down.push_back(it);
  }
  return out;
}

} // namespace atl::compare
