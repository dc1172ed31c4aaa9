#include "scenario_table.hpp"

#include <algorithm>

/// A promise or acknowledgement that is sent before it is durable is lost in a crash.
namespace atl::verify {

namespace {

using namespace std::chrono_literals;
using replica_ids = std::vector<spi::replica_id>;

/// The replica `one` and enough other replicas for a majority, without `apart`.
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
void crash_without_waiting_writes(scenario_group& group, spi::replica_id id) {
  group.simulation().crash(id, 0);
  group.simulation().restart(id);
}

/// Has one of the candidates elected before the helper's own election timeout expires, so soon that
/// an old leader in another partition doesn't step down. @returns the leader; 0: none was elected
spi::replica_id force_early_election(scenario_group& group, const replica_ids& candidates,
                                     spi::replica_id helper, std::uint64_t after) {
  for (int step = 0; step < 40; ++step) {
    for (auto id : candidates) {
      group.simulation().jump_clock(id, 1s);
      group.simulation().read(id, scenario_group::counter,
                              spi::read_level::local); // makes the replica look at its clock
    }
    group.simulation().jump_clock(helper, 100ms);
    if (auto elected = group.await_leader_of(candidates, after, 5ms))
      return elected;
  }
  return 0;
}

/// A majority elects a leader with the vote of a replica whose disk is stalled. That replica
/// crashes, and then helps the other partition: the old leader, or a new election of the old
/// leader.
bool elect_with_a_stalled_disk(const scenario_setting& setting, std::uint32_t which,
                               bool old_leader_restarts) {
  scenario_group group{setting, {.seed = 7 + which}};
  auto& simulation = group.simulation();
  group.add_one();
  auto old = group.leader();
  if (old == 0)
    return false;
  auto candidates = group.others({old});
  auto stalled_replica = candidates[which % candidates.size()];
  auto side = majority_with(group, stalled_replica, {old});
  auto rest = group.others(side);
  simulation.stall_disk(stalled_replica, 20s);
  group.partition({side, rest});
  auto old_term = group.term_of(old);
  auto elected =
      force_early_election(group, without(side, stalled_replica), stalled_replica, old_term);
  crash_without_waiting_writes(group, stalled_replica);
  auto apart = rest;
  apart.push_back(stalled_replica);
  group.partition({apart, without(side, stalled_replica)});
  if (old_leader_restarts) {
    simulation.crash(old);
    simulation.restart(old);
    force_early_election(group, rest, stalled_replica, old_term);
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

enum class crashing_replicas { stalled_replica, stalled_replica_and_leader, all };

/// A write that needs the replica whose disk is stalled. That replica crashes, alone or together
/// with others; then the replicas that didn't get the write continue with the crashed replica.
bool write_with_a_stalled_disk(const scenario_setting& setting, spi::replica_id stalled_replica,
                               crashing_replicas who) {
  scenario_group group{setting};
  auto& simulation = group.simulation();
  group.add_one();
  group.add_one();
  auto leader = group.leader();
  if (leader == 0)
    return false;
  auto side = majority_with(group, leader, {});
  if (std::find(side.begin(), side.end(), stalled_replica) == side.end())
    side.back() = stalled_replica;
  auto rest = group.others(side);
  auto is_live = setting.protocol.live_with_crashes == "minority";
  simulation.stall_disk(stalled_replica, 20s);
  if (is_live)
    group.partition({side, rest});
  auto write = group.write_at(leader);
  simulation.run_until([&] { return simulation.outcome(write).kind != sim::answer_kind::pending; },
                       400ms);
  simulation.crash(stalled_replica, 0);
  if (who == crashing_replicas::stalled_replica_and_leader)
    simulation.crash(leader, 0);
  if (who == crashing_replicas::all)
    for (spi::replica_id id = 1; id <= group.size(); ++id) {
      simulation.crash(id, 0);
      simulation.restart(id);
    }
  simulation.restart(stalled_replica);
  if (is_live) {
    rest.push_back(stalled_replica);
    group.partition({rest});
    group.await_leader_of(rest, 0, 10s);
    simulation.run_for(300ms);
  }
  group.must_recover();
  return true;
}

std::uint64_t write_with_stalled_disks(const scenario_setting& setting) {
  std::uint64_t cases = 0;
  for (spi::replica_id stalled_replica = 1; stalled_replica <= setting.replicas; ++stalled_replica)
    for (auto who : {crashing_replicas::stalled_replica,
                     crashing_replicas::stalled_replica_and_leader, crashing_replicas::all})
      if (who != crashing_replicas::all || setting.protocol.safe_with_crashes == "all")
        cases += write_with_a_stalled_disk(setting, stalled_replica, who) ? 1 : 0;
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
       .reason_to_skip = unless_live_and_safe,
       .run = elect_with_stalled_disks},
      {.name = "write_not_yet_durable",
       .sentence = "a replica gets a write, and crashes before that is durable",
       .claim = "safe_with_crashes",
       .sizes = {3, 5},
       .reason_to_skip = unless_safe_with_crashes,
       .run = write_with_stalled_disks},
  };
}

} // namespace atl::verify
