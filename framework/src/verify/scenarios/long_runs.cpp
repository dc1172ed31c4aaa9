#include "scenario_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

std::uint64_t stay_idle(const scenario_setting& setting) {
  scenario_group group{setting};
  group.add_one();
  auto& simulation = group.simulation();
  simulation.run_for(10s);
  std::vector<std::size_t> records;
  for (spi::replica_id id = 1; id <= setting.replicas; ++id)
    records.push_back(simulation.records(id).size());
  auto effects = simulation.stats().effects;
  // A short heartbeat interval causes many effects: some for each replica and heartbeat.
  auto beat = std::min<std::chrono::microseconds>(setting.protocol.shortest_duration, 20ms);
  auto idle = std::clamp<std::chrono::microseconds>(30'000 * beat, 30s, 600s);
  simulation.run_for(idle);
  auto seconds = idle / 1s;
  for (spi::replica_id id = 1; id <= setting.replicas; ++id)
    if (simulation.records(id).size() > records[id - 1] + 100)
      throw broken(fmt::format("idle for {} s, replica {} wrote {} records", seconds, id,
                               simulation.records(id).size() - records[id - 1]));
  if (auto made = simulation.stats().effects - effects;
      made > 7 * setting.replicas * static_cast<std::uint64_t>(idle / beat))
    throw broken(fmt::format("idle for {} s, the group gave out {} effects", seconds, made));
  group.add_one();
  group.must_agree();
  return 1;
}

constexpr std::uint64_t filling_commands = 40'000;

/// Fills the log. @returns the largest number of records on a replica at the end, divided by the
/// number of committed entries.
double fill_and_count(const scenario_setting& setting) {
  constexpr auto commands = filling_commands;
  scenario_group group{setting};
  group.add_one();
  auto& simulation = group.simulation();
  std::deque<sim::scripted_simulation::ticket> open;
  auto ask = group.leader_or_first();
  for (std::uint64_t i = 1; i <= commands; ++i) {
    open.push_back(group.write_at(ask));
    if (open.size() < 500)
      continue;
    if (simulation.await(open.front()).kind == sim::answer_kind::pending)
      throw broken(fmt::format("proposal {} isn't answered in 30 seconds, though nothing is in "
                               "its way",
                               i - open.size() + 1));
    while (!open.empty() && simulation.outcome(open.front()).kind != sim::answer_kind::pending)
      open.pop_front();
  }
  simulation.run_for(2s);
  group.must_have_no_violation();
  std::size_t kept = 0;
  for (spi::replica_id id = 1; id <= setting.replicas; ++id)
    kept = std::max(kept, simulation.records(id).size());
  return static_cast<double>(kept) / static_cast<double>(simulation.applied(1));
}

/// The log is cut up to the entries that the state machines have made durable. If the log is not
/// cut with these options, it must be with one of them at its minimum, because the options may ask
/// for a longer log than the scenario fills.
std::uint64_t fill_the_log(const scenario_setting& setting) {
  constexpr auto most = 0.75;
  auto kept = fill_and_count(setting);
  if (kept <= most)
    return filling_commands;
  for (auto& options : setting.protocol.at_minimum) {
    auto shorter = setting.protocol;
    shorter.options = options;
    if (fill_and_count({shorter, setting.replicas}) <= most)
      return 2 * filling_commands;
  }
  throw broken(fmt::format("after {} commands a replica holds {:.0f} records, whatever its options "
                           "say: it never cuts its log",
                           filling_commands, kept * filling_commands));
}

} // namespace

std::vector<scenario> long_run_scenarios() {
  return {
      {.name = "idle_for_minutes", .sentence = "nothing happens for minutes", .run = stay_idle},
      {.name = "log_is_cut",
       .sentence = "the log is cut behind what is applied",
       .any_size = false,
       .once = true,
       .run = fill_the_log},
  };
}

} // namespace atl::verify
