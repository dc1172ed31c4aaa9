#include "paxos.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <doctest/doctest.h>

/// A damaged record is not treated as missing: the replica fetches it from the others, and until
/// then makes no promise.
using namespace atl::sim;
using std::chrono::seconds;

namespace {

struct group : scripted_simulation {
  explicit group(std::uint32_t replicas)
      : scripted_simulation{options(replicas), paxos::factory()} {}

  static simulation_options options(std::uint32_t replicas) {
    auto it = paxos::options(7, replicas);
    it.fatal_is_failure = false;
    return it;
  }
  atl::spi::replica_id leader(std::uint32_t replicas = 3) {
    for (atl::spi::replica_id id = 1; id <= replicas; ++id)
      if (up(id) && status(id).role == atl::spi::replica_role::leader && status(id).blocked.empty())
        return id;
    return 0;
  }
  void must_write(std::int64_t value, std::uint32_t replicas = 3) {
    REQUIRE(run_until([&] { return leader(replicas) != 0; }));
    register_command write{++tag, tag, 1, 1, operation_kind::write, value, {}};
    auto& got = await(propose(leader(replicas), write));
    REQUIRE_MESSAGE(got.kind == answer_kind::applied, got.reason);
  }
  std::uint64_t tag = 0;
};

} // namespace

TEST_CASE("a record that can't be read is fetched from the others") {
  group it{3};
  it.must_write(1);
  auto victim = it.leader() % 3 + 1;
  it.must_write(2);
  // Before the state machine has made the entry durable, so that a promise is lost.
  it.run_for(std::chrono::milliseconds{1});
  it.crash(victim);
  auto records = it.records(victim);
  REQUIRE(!records.empty());
  REQUIRE(it.damage(victim, 0, records.back().second));
  it.restart(victim);
  REQUIRE(it.run_until([&] { return it.up(victim) && it.status(victim).blocked.empty(); }));
  it.must_write(3);
  CHECK(it.run_until([&] { return it.value(victim, 1) == 3; }));
  CHECK(it.fatal_reason(victim) == "");
  CHECK(it.violation() == "");
}

TEST_CASE("a replica alone in its group names the record that can't be read, and stops") {
  group it{1};
  it.must_write(1, 1);
  it.crash(1);
  auto records = it.records(1);
  REQUIRE(it.damage(1, 0, records.back().second));
  it.restart(1);
  it.run_for(seconds{1});
  CHECK(it.fatal_reason(1).find("stream 0 at index " + std::to_string(records.back().second)) !=
        std::string::npos);
}

TEST_CASE("a replica whose id comes back with an empty disk stops with advice") {
  group it{3};
  it.must_write(1);
  auto victim = it.leader() % 3 + 1;
  it.run_for(seconds{1});
  it.lose_disk(victim);
  it.restart(victim);
  it.run_for(seconds{2});
  CHECK_FALSE(it.up(victim));
  CHECK(it.fatal_reason(victim).find("disk was lost") != std::string::npos);
}
