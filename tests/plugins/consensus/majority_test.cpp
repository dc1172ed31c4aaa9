#include "protocol_under_test.hpp"
#include "refusals.hpp"

/// What those have to survive that decide with a majority.
using atl::sim::simulation_options;
using under_test::make_options;
using under_test::protocol;
using under_test::seeds;
using under_test::survive;

TEST_CASE("logs are cut early, so that replicas which were away need snapshots") {
  survive(protocol(), 3, seeds(300), [](simulation_options& it) {
    it.protocol_options = make_options(protocol(), {{"keep_entries", "5"}});
  });
}
TEST_CASE("a damaged record stops its replica, and loses nothing") {
  survive(protocol(), 3, seeds(300), [](simulation_options& it) {
    it.faults.damageable = {2};
    it.fatal_is_failure = false;
    it.demand_liveness = false;
  });
}
TEST_CASE("a small window and small batches under load") {
  for (std::uint32_t replicas : {3, 5})
    survive(protocol(), replicas, seeds(40), [](simulation_options& it) {
      under_test::crowd(it);
      it.protocol_options = make_options(
          protocol(), {{"max_in_flight", "8"}, {"batch_bytes", "1KiB"}, {"keep_bytes", "64KiB"}});
    });
}
TEST_CASE("many small messages under way at once") {
  survive(protocol(), 3, seeds(20), [](simulation_options& it) {
    under_test::crowd(it);
    it.workload.clients = 128;
    it.workload.keys = 64;
    it.workload.payload = 1500; // one entry fills a message
    it.protocol_options = make_options(protocol(), {{"batch_bytes", "1KiB"}});
  });
}
TEST_CASE("a leader that is handing over refuses commands and changes as busy") {
  under_test::refusing_group group;
  auto leader = group.leader();
  auto successor = leader % 3 + 1;
  group.isolate(successor);
  group.transfer(leader, successor);
  group.must_have_been_busy(group.write());
  group.must_have_been_busy(group.reconfigure(leader, {1, 2, 3}));
}
