#include "../survive.hpp"
#include "raft.hpp"

using namespace atl::sim;
using under_test::seeds;

namespace {

void survive(std::uint32_t replicas, std::uint64_t count,
             const std::function<void(simulation_options&)>& change = {}) {
  under_test::survive(raft::plugin(), replicas, count, change);
}

} // namespace

TEST_CASE("three replicas keep every promise under whatever faults a seed draws") {
  survive(3, seeds(600));
}
TEST_CASE("five replicas keep every promise under whatever faults a seed draws") {
  survive(5, seeds(300));
}
TEST_CASE("a single replica keeps every promise under whatever faults a seed draws") {
  survive(1, seeds(100));
}
TEST_CASE("logs are cut early, so that replicas which were away need snapshots") {
  survive(3, seeds(300), [](simulation_options& it) {
    it.protocol_options = under_test::make_options(raft::plugin(), {{"keep_entries", "5"}});
  });
}
TEST_CASE("a damaged record stops its replica, and loses nothing") {
  survive(3, seeds(300), [](simulation_options& it) {
    it.faults.damageable = {2};
    it.fatal_is_failure = false;
    it.demand_liveness = false;
  });
}
TEST_CASE("a small window and small batches under load") {
  for (std::uint32_t replicas : {3, 5})
    survive(replicas, seeds(40), [](simulation_options& it) {
      under_test::crowd(it);
      it.protocol_options = under_test::make_options(
          raft::plugin(),
          {{"max_in_flight", "8"}, {"batch_bytes", "1KiB"}, {"keep_bytes", "64KiB"}});
    });
}
TEST_CASE("many small messages under way at once") {
  survive(3, seeds(20), [](simulation_options& it) {
    under_test::crowd(it);
    it.workload.clients = 128;
    it.workload.keys = 64;
    it.workload.payload = 1500; // one entry fills a message
    it.protocol_options = under_test::make_options(raft::plugin(), {{"batch_bytes", "1KiB"}});
  });
}

TEST_CASE("the same seed makes the same run to the last byte, traced or not") {
  under_test::repeat(raft::plugin(), 3);
}
