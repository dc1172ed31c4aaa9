#include "scenario_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t mebibyte = std::size_t{1} << 20;

/// Proposes to the current leader until the command is applied. Refusals are retried, because busy
/// protocols refuse.
void must_apply(scenario_group& group, const std::string& command) {
  auto& simulation = group.simulation();
  for (auto until = simulation.now() + 60s; simulation.now() < until;) {
    auto& got = simulation.await(simulation.propose(group.leader_or_first(), command), 10s);
    if (got.kind == sim::answer_kind::applied)
      return;
    group.must_have_no_violation();
    simulation.run_for(50ms);
  }
  throw broken(fmt::format("a command of {} bytes isn't applied within a minute", command.size()));
}

/// Proposes commands of these sizes at once. A protocol that is busy may refuse some of them, but
/// must answer all.
void must_answer_all_at_once(scenario_group& group, const std::vector<std::size_t>& sizes) {
  auto& simulation = group.simulation();
  std::vector<sim::scripted_simulation::ticket> open;
  open.reserve(sizes.size());
  for (auto bytes : sizes)
    open.push_back(simulation.propose(group.leader_or_first(), std::string(bytes, 'x')));
  auto is_answered = [&](auto ticket) {
    return simulation.outcome(ticket).kind != sim::answer_kind::pending;
  };
  simulation.run_until([&] { return std::all_of(open.begin(), open.end(), is_answered); }, 60s);
  group.must_have_no_violation();
  if (auto left = std::count_if(open.begin(), open.end(), std::not_fn(is_answered)))
    throw broken(fmt::format("of {} commands of up to {} bytes at once {} aren't answered within a "
                             "minute",
                             sizes.size(), *std::max_element(sizes.begin(), sizes.end()), left));
}

/// Proposes commands of all sizes while one replica is down; the replica fetches them later in
/// batches.
std::uint64_t propose_all_sizes(const scenario_setting& setting) {
  scenario_group group{setting};
  auto& simulation = group.simulation();
  group.add_one();
  auto away = group.others({group.leader_or_first()}).back();
  auto is_live = setting.protocol.live_with_crashes == "minority";
  if (is_live)
    simulation.crash(away);
  std::uint64_t cases = 0;
  for (std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{255},
                            std::size_t{65'536}, mebibyte}) {
    must_apply(group, std::string(bytes, '\0'));
    must_apply(group, std::string(bytes, '\xff'));
    cases += 2;
  }
  must_answer_all_at_once(group, std::vector<std::size_t>(16, mebibyte));
  group.must_recover();
  simulation.crash(group.leader_or_first());
  group.must_recover();
  return cases + 16;
}

/// A batch that is nearly full must not include a command of the largest size as well: the host
/// would never deliver the message, and the replica that needs it would wait forever.
std::uint64_t propose_largest(const scenario_setting& setting) {
  scenario_group group{setting};
  auto& simulation = group.simulation();
  group.add_one();
  auto away = group.others({group.leader_or_first()}).back();
  if (setting.protocol.live_with_crashes == "minority")
    simulation.crash(away);
  std::vector<std::size_t> sizes{3 * mebibyte, spi::command_bytes_max};
  for (std::size_t left : {8, 24, 64}) {
    sizes.push_back(mebibyte - left);
    sizes.push_back(spi::command_bytes_max);
  }
  for (auto bytes : sizes)
    must_apply(group, std::string(bytes, 'x'));
  group.must_recover();
  must_answer_all_at_once(group, sizes);
  group.must_recover();
  return 2 * sizes.size();
}

} // namespace

std::vector<scenario> command_scenarios() {
  return {
      {.name = "command_sizes",
       .sentence = "commands are empty, or as large as a mebibyte",
       .run = propose_all_sizes},
      {.name = "largest_commands",
       .sentence = "commands of the largest size reach a replica that was down",
       .run = propose_largest},
  };
}

} // namespace atl::verify
