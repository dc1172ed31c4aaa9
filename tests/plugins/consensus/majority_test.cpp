#include "protocol_under_test.hpp"
#include "refusals.hpp"

/// The faults that protocols which commit with a majority must survive.
using atl::sim::simulation_options;
using under_test::check_promises;
using under_test::make_options;
using under_test::protocol;
using under_test::seeds;

TEST_CASE("logs are cut early, so that replicas which were away need snapshots") {
  check_promises(protocol(), 3, seeds(300), [](simulation_options& it) {
    it.protocol_options = make_options(protocol(), {{"keep_entries", "5"}});
  });
}
TEST_CASE("a damaged record stops its replica, and loses nothing") {
  check_promises(protocol(), 3, seeds(300), [](simulation_options& it) {
    it.faults.damageable = {2};
    it.fatal_is_failure = false;
    it.demand_liveness = false;
  });
}
TEST_CASE("every promise is kept with a small window and small batches under load") {
  for (std::uint32_t replicas : {3, 5})
    check_promises(protocol(), replicas, seeds(40), [](simulation_options& it) {
      under_test::add_heavy_load(it);
      it.protocol_options = make_options(
          protocol(), {{"max_in_flight", "8"}, {"batch_bytes", "1KiB"}, {"keep_bytes", "64KiB"}});
    });
}
TEST_CASE("every promise is kept with many small messages in flight") {
  check_promises(protocol(), 3, seeds(20), [](simulation_options& it) {
    under_test::add_heavy_load(it);
    it.workload.clients = 128;
    it.workload.keys = 64;
    it.workload.payload = 1500; // one entry fills a message
    it.protocol_options = make_options(protocol(), {{"batch_bytes", "1KiB"}});
  });
}
TEST_CASE("a leader that transfers leadership refuses commands and membership changes as busy") {
  under_test::refusing_group group;
  auto leader = group.leader();
  auto successor = leader % 3 + 1;
  group.isolate(successor);
  group.transfer(leader, successor);
  group.must_have_been_busy(group.write());
  group.must_have_been_busy(group.reconfigure(leader, {1, 2, 3}));
}
