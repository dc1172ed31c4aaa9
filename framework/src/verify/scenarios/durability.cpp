#include "scenario.hpp"

#include <algorithm>

/// A promise or acknowledgement that is sent before it is durable is lost in a crash.
namespace atl::verify {

namespace {

using namespace std::chrono_literals;
using replica_ids = std::vector<spi::replica_id>;

/// A replica, and as many of the others as make a majority together, without `apart`.
replica_ids majority_with(const scenario_group& group, spi::replica_id one,
                          const replica_ids& apart) {
  replica_ids out{one};
  auto none = apart;
  none.push_back(one);
  for (auto id : group.others(none))
    if (out.size() < group.size() / 2 + 1)
      out.push_back(id);
  return out;
}

replica_ids without(replica_ids from, spi::replica_id one) {
  std::erase(from, one);
  return from;
}

/// Crashes a replica whose disk is stalled, so that no waiting write survives.
void lose_what_waits(scenario_group& group, spi::replica_id id) {
  group.simulation().crash(id, 0);
  group.simulation().restart(id);
}

/// Has one of the candidates elected, before their helper misses the leader itself: within so short
/// a time that an old leader elsewhere doesn't give up. @returns the leader; 0: none was elected
spi::replica_id hurry_election(scenario_group& group, const replica_ids& candidates,
                               spi::replica_id helper, std::uint64_t after) {
  for (int step = 0; step < 40; ++step) {
    for (auto id : candidates) {
      group.simulation().jump_clock(id, 1s);
      group.simulation().read(id, scenario_group::counter,
                              spi::read_level::local); // looks at the clock
    }
    group.simulation().jump_clock(helper, 100ms);
    if (auto elected = group.await_leader_of(candidates, after, 5ms))
      return elected;
  }
  return 0;
}

/// A majority elects a leader with the help of a replica whose disk is stalled. That one crashes,
/// and then helps those who were apart: the old leader, or the old leader's election anew.
bool elect_with_a_stalled_disk(const scenario_setting& setting, std::uint32_t which,
                               bool old_leader_restarts) {
  scenario_group group{setting, {.seed = 7 + which}};
  auto& simulation = group.simulation();
  group.add_one();
  auto old = group.leader();
  if (old == 0)
    return false;
  auto candidates = group.others({old});
  auto staller = candidates[which % candidates.size()];
  auto side = majority_with(group, staller, {old});
  auto rest = group.others(side);
  simulation.stall_disk(staller, 20s);
  group.partition({side, rest});
  auto old_term = group.term_of(old);
  auto elected = hurry_election(group, without(side, staller), staller, old_term);
  lose_what_waits(group, staller);
  auto apart = rest;
  apart.push_back(staller);
  group.partition({apart, without(side, staller)});
  if (old_leader_restarts) {
    simulation.crash(old);
    simulation.restart(old);
    hurry_election(group, rest, staller, old_term);
  } else {
    group.write_at(old);
    simulation.run_for(100ms);
  }
  group.partition({side, rest});
  if (elected != 0)
    group.write_at(elected);
  simulation.run_for(300ms);
  group.must_recover();
  return true;
}

std::uint64_t elect_with_stalled_disks(const scenario_setting& setting) {
  std::uint64_t cases = 0;
  for (std::uint32_t which = 0; which < 3 * (setting.replicas - 1); ++which)
    for (auto restarts : {true, false})
      cases += elect_with_a_stalled_disk(setting, which, restarts) ? 1 : 0;
  return cases;
}

enum class who_crashes { staller, leader_too, everybody };

/// A write that needs the replica whose disk is stalled. That one crashes, alone or together with
/// others; then those who didn't get the write go on with it.
bool write_with_a_stalled_disk(const scenario_setting& setting, spi::replica_id staller,
                               who_crashes who) {
  scenario_group group{setting};
  auto& simulation = group.simulation();
  group.add_one();
  group.add_one();
  auto leader = group.leader();
  if (leader == 0)
    return false;
  auto side = majority_with(group, leader, {});
  if (std::find(side.begin(), side.end(), staller) == side.end())
    side.back() = staller;
  auto rest = group.others(side);
  auto goes_on = setting.protocol.live_with_crashes == "minority";
  simulation.stall_disk(staller, 20s);
  if (goes_on)
    group.partition({side, rest});
  auto write = group.write_at(leader);
  simulation.run_until([&] { return simulation.outcome(write).kind != sim::answer_kind::pending; },
                       400ms);
  simulation.crash(staller, 0);
  if (who == who_crashes::leader_too)
    simulation.crash(leader, 0);
  if (who == who_crashes::everybody)
    for (spi::replica_id id = 1; id <= group.size(); ++id) {
      simulation.crash(id, 0);
      simulation.restart(id);
    }
  simulation.restart(staller);
  if (goes_on) {
    rest.push_back(staller);
    group.partition({rest});
    group.await_leader_of(rest, 0, 10s);
    simulation.run_for(300ms);
  }
  group.must_recover();
  return true;
}

std::uint64_t write_with_stalled_disks(const scenario_setting& setting) {
  std::uint64_t cases = 0;
  for (spi::replica_id staller = 1; staller <= setting.replicas; ++staller)
    for (auto who : {who_crashes::staller, who_crashes::leader_too, who_crashes::everybody})
      if (who != who_crashes::everybody || setting.protocol.safe_with_crashes == "all")
        cases += write_with_a_stalled_disk(setting, staller, who) ? 1 : 0;
  return cases;
}

} // namespace

std::vector<scenario> durability_scenarios() {
  return {
      {.name = "promise_not_yet_durable",
       .sentence = "a replica helps to elect, and crashes before that is durable",
       .claim = "safe_with_crashes",
       .sizes = {3, 5},
       .moves_clocks = true,
       .why_not = unless_live_and_safe,
       .run = elect_with_stalled_disks},
      {.name = "write_not_yet_durable",
       .sentence = "a replica gets a write, and crashes before that is durable",
       .claim = "safe_with_crashes",
       .sizes = {3, 5},
       .why_not = unless_safe_with_crashes,
       .run = write_with_stalled_disks},
  };
}

} // namespace atl::verify
