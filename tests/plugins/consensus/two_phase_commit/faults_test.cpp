#include "../check_promises.hpp"
#include "two_phase_commit.hpp"

#include <algorithm>

using namespace atl::sim;
using under_test::seeds;

namespace {

void check_promises(std::uint32_t replicas, std::uint64_t count,
                    const std::function<void(simulation_options&)>& change = {}) {
  under_test::check_promises(two_phase_commit::plugin(), replicas, count, change);
}

} // namespace

TEST_CASE("the group survives damaged records and lost disks of participants") {
  check_promises(3, seeds(300), [](simulation_options& it) {
    it.faults.damageable = {2, 3};
    it.faults.losable = {2, 3};
    it.spares = 0; // with spares, other replicas could be participants
  });
}
TEST_CASE("the group survives lost disks when logs are cut early and snapshots are needed") {
  check_promises(3, seeds(300), [](simulation_options& it) {
    it.faults.losable = {2, 3};
    it.spares = 0;
    it.protocol_options =
        under_test::make_options(two_phase_commit::plugin(), {{"keep_entries", "20"}});
  });
}
TEST_CASE("the group stays safe when the coordinator loses its disk or reads damaged records") {
  check_promises(3, seeds(300), [](simulation_options& it) {
    it.faults.losable = {1};
    it.faults.damageable = {1};
    it.spares = 0;
    it.demand_liveness = false;
  });
}
TEST_CASE("the group survives continuous membership changes when logs are cut early") {
  for (std::uint32_t replicas : {1, 2, 3, 4, 5})
    check_promises(replicas, seeds(200), [](simulation_options& it) {
      it.faults = fault_set::none();
      it.faults.member_changes = it.faults.crashes = it.faults.loss = it.faults.reordering = true;
      it.faults.replays = it.faults.partitions = it.faults.lazy_hosts = true;
      it.protocol_options =
          under_test::make_options(two_phase_commit::plugin(), {{"keep_entries", "20"}});
    });
}
TEST_CASE("the group stays safe under membership changes and damaged records") {
  check_promises(3, seeds(300), [](simulation_options& it) {
    it.faults.damageable = {2, 3, 4, 5};
    it.demand_liveness = false; // one of these replicas may become the coordinator
    it.fatal_is_failure = false;
  });
}
TEST_CASE("the group stays safe under membership changes and lost disks") {
  // Never more seeds: a group may shrink to one, whose disk must not be lost.
  check_promises(4, std::min<std::uint64_t>(seeds(600), 600), [](simulation_options& it) {
    it.faults.losable = {2, 4};
    it.faults.mass_crashes = false;
    it.demand_liveness = false;
  });
}
TEST_CASE("the group stays safe when a member is lost for good under load") {
  for (std::uint32_t replicas : {3, 4})
    check_promises(replicas, seeds(300), [](simulation_options& it) {
      it.lose_at_rest = false;
      it.demand_liveness = false;
    });
}
TEST_CASE("the group survives load with a small window and small batches") {
  check_promises(3, seeds(20), [](simulation_options& it) {
    under_test::add_heavy_load(it);
    it.protocol_options = under_test::make_options(
        two_phase_commit::plugin(),
        {{"max_in_flight", "8"}, {"batch_bytes", "1KiB"}, {"keep_bytes", "64KiB"}});
  });
}
