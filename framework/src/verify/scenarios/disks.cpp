#include "scenario_table.hpp"

#include <fmt/format.h>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

std::uint64_t fail_a_sync(const scenario_setting& setting) {
  for (spi::replica_id id = 1; id <= setting.replicas; ++id) {
    scenario_group group{setting};
    group.add_one();
    group.simulation().fail_next_sync(id);
    group.add_one();
    group.add_one();
    group.simulation().run_for(2s);
    group.must_agree();
    group.must_read();
  }
  return setting.replicas;
}

/// A slow disk causes no new term while messages are delivered.
std::uint64_t stall_the_disks(const scenario_setting& setting) {
  scenario_group group{setting};
  group.add_one();
  auto first = group.leader();
  if (first == 0)
    return 0;
  auto term = group.simulation().status(first).term;
  for (spi::replica_id id = 1; id <= setting.replicas; ++id)
    group.simulation().stall_disk(id, 2s);
  group.try_to_add(4s);
  group.simulation().run_for(2s);
  group.add_one();
  if (group.leader() != first || group.simulation().status(first).term != term)
    throw broken("a disk that stalled for two seconds made an election, though replicas talked");
  group.must_agree();
  return 1;
}

} // namespace

std::vector<scenario> disk_scenarios() {
  return {
      {.name = "failed_sync",
       .sentence = "a sync fails",
       .claim = "safe_with_crashes",
       .reason_to_skip = unless_safe_with_crashes,
       .run = fail_a_sync},
      {.name = "stalled_disks",
       .sentence = "disks stall while replicas talk",
       .run = stall_the_disks},
  };
}

} // namespace atl::verify
