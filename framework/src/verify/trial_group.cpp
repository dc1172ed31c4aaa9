#include "trial_group.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t counter = 1;
constexpr std::uint64_t session = 1;

sim::simulation_options scripted(const protocol_subject& what, std::uint32_t replicas, bool fatal) {
  auto it = what.simulation(7, replicas);
  it.fatal_is_failure = fatal;
  return it;
}

} // namespace

bool protocol_subject::admits(std::uint32_t replicas) const {
  return std::ranges::find(group_sizes, replicas) != group_sizes.end();
}

std::uint32_t nearest_to_three(const std::vector<std::uint32_t>& sizes) {
  return *std::ranges::min_element(sizes, {},
                                   [](auto size) { return size > 3 ? size - 3 : 3 - size; });
}

sim::simulation_options protocol_subject::simulation(std::uint64_t seed,
                                                     std::uint32_t replicas) const {
  sim::simulation_options it;
  it.seed = seed;
  it.replicas = replicas;
  it.spares = changes_members ? 2 : 0;
  it.lose_at_rest = blocks_on_one_failure;
  it.lose_members = !fixed_quorums;
  it.tell_losses = tell_losses;
  it.protocol_options = options;
  return it;
}

trial_group::trial_group(const protocol_subject& what, std::uint32_t replicas,
                         bool fatal_is_failure)
    : world_{scripted(what, replicas, fatal_is_failure), what.factory}, size_{replicas},
      everybody_{replicas + (what.changes_members ? 2 : 0)} {}

spi::replica_id trial_group::leader() const {
  spi::replica_id found = 0;
  for (spi::replica_id id = 1; id <= everybody_; ++id) {
    if (!world_.up(id))
      continue;
    auto status = world_.status(id);
    if (status.role == spi::replica_role::leader && status.blocked.empty() &&
        (found == 0 || status.term > world_.status(found).term))
      found = id;
  }
  return found;
}

bool trial_group::try_to_add(std::chrono::microseconds limit) {
  auto until = world_.now() + limit;
  ++sequence_;
  while (world_.now() < until && world_.violation().empty()) {
    sim::register_command add{++tags_, session, sequence_, counter, sim::operation_kind::add,
                              1,       {}};
    auto& got = world_.await(world_.propose(ask_, add), 2s);
    if (got.kind == sim::answer_kind::applied) {
      ++count_;
      if (got.result.result != count_)
        throw broken(fmt::format("the {}th increment of a counter made it {}", count_,
                                 got.result.result.value_or(0)));
      return true;
    }
    ask_ = got.hint != 0 && got.hint <= everybody_ ? got.hint : ask_ % everybody_ + 1;
    world_.run_for(50ms);
  }
  --sequence_; // the next one is this one again
  must_have_no_violation();
  return false;
}

void trial_group::add_one() {
  if (!try_to_add(60s))
    throw broken(fmt::format("at {} s no replica has answered a write for a minute",
                             world_.now().count() / 1'000'000));
}

void trial_group::change_members(const std::vector<spi::replica_id>& voters,
                                 const std::vector<spi::replica_id>& learners) {
  for (int attempt = 0; attempt < 40; ++attempt) {
    auto ask = leader() != 0 ? leader() : 1;
    if (world_.await(world_.reconfigure(ask, voters, learners), 10s).kind ==
        sim::answer_kind::applied)
      return;
    must_have_no_violation();
    world_.run_for(300ms);
  }
  throw broken(fmt::format("a change to {} voters was never answered", voters.size()));
}

void trial_group::must_read(spi::replica_id at) {
  auto until = world_.now() + 60s;
  auto from = at != 0 ? at : ask_;
  while (world_.now() < until && world_.violation().empty()) {
    auto& got = world_.await(world_.read(from, counter), 3s);
    if (got.kind == sim::answer_kind::read) {
      auto value = got.result.result.value_or(0);
      // An increment that is under way may or may not be seen.
      if (value < count_ || value > count_ + 1)
        throw broken(fmt::format("replica {} reads {}, and {} increments were answered before",
                                 from, value, count_));
      return;
    }
    if (at == 0)
      from = from % size_ + 1;
    world_.run_for(50ms);
  }
  must_have_no_violation();
  throw broken("no read was answered for a minute");
}

void trial_group::must_agree() {
  auto agree = [this] {
    for (spi::replica_id id = 1; id <= size_; ++id)
      if (!world_.up(id) || world_.applied(id) != world_.applied(1) ||
          world_.status(id).decided != world_.status(1).decided)
        return false;
    return true;
  };
  auto agreed = world_.run_until(agree, 60s);
  must_have_no_violation();
  if (!agreed)
    throw broken("the replicas don't agree within a minute, though nothing is in their way");
}

void trial_group::must_have_no_violation() const {
  if (!world_.violation().empty())
    throw broken(world_.violation());
}

} // namespace atl::verify
