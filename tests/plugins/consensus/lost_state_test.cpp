#include "protocol_under_test.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

/// A replica whose copy of the state machine is damaged, and whose log is intact, goes on from the
/// snapshot of a peer: it keeps its promises, and the group keeps its members.
namespace {

using namespace atl::sim;
using atl::spi::replica_id;
using std::chrono::seconds;
using under_test::protocol;
using under_test::seeds;

constexpr std::uint64_t key = 1;

/// Three replicas and two spares, and a client that writes one key.
class group : public scripted_simulation {
 public:
  group()
      : scripted_simulation{under_test::simulation_of(protocol(), 7, 3),
                            under_test::factory_of(protocol())} {}

  replica_id must_lead() {
    replica_id found = 0;
    REQUIRE(run_until([&] {
      for (replica_id id = 1; id <= 5; ++id)
        if (up(id) && status(id).role == atl::spi::replica_role::leader &&
            status(id).blocked.empty())
          found = id;
      return found != 0;
    }));
    return found;
  }
  void must_write(std::int64_t value) {
    ++commands_;
    auto& got = await(propose(
        must_lead(),
        register_command{commands_, 1000 + commands_, 1, key, operation_kind::write, value, {}}));
    REQUIRE_MESSAGE(got.kind == answer_kind::applied, got.reason);
  }
  bool catches_up(replica_id id, std::int64_t value_then) {
    return run_until([&] { return up(id) && value(id, key) == value_then; });
  }

 private:
  std::uint64_t commands_ = 0;
};

} // namespace

TEST_CASE("a replica whose state was damaged goes on under its id, from a peer's snapshot") {
  for (auto is_leader : {true, false}) {
    CAPTURE(is_leader);
    group it;
    for (int value = 1; value <= 20; ++value)
      it.must_write(value);
    auto leader = it.must_lead();
    auto victim = is_leader ? leader : leader % 3 + 1;
    it.run_for(seconds{1});
    it.lose_state(victim);
    it.restart(victim);
    CHECK(it.catches_up(victim, 20));
    it.must_write(21);
    CHECK(it.catches_up(victim, 21));
    auto members = it.members(victim).voters;
    std::ranges::sort(members);
    CHECK(members == std::vector<replica_id>{1, 2, 3});
    CHECK(it.violation() == "");
  }
}

TEST_CASE("all states but one may be damaged at once: the logs of the others still count") {
  group it;
  for (int value = 1; value <= 20; ++value)
    it.must_write(value);
  it.run_for(seconds{1});
  auto leader = it.must_lead();
  for (replica_id id = 1; id <= 3; ++id)
    if (id != leader)
      it.lose_state(id);
  for (replica_id id = 1; id <= 3; ++id)
    it.restart(id);
  it.must_write(21);
  for (replica_id id = 1; id <= 3; ++id)
    CHECK(it.catches_up(id, 21));
  CHECK(it.violation() == "");
}

TEST_CASE("a replica waits with its log while no peer has a state, and loses nothing") {
  group it;
  for (int value = 1; value <= 5; ++value)
    it.must_write(value);
  it.run_for(seconds{1});
  for (replica_id id = 1; id <= 3; ++id)
    it.crash(id);
  it.lose_state(2);
  it.restart(2);
  it.run_for(seconds{5});
  CHECK(!it.up(2));
  CHECK(!it.records(2).empty());
  it.restart(1);
  it.restart(3);
  it.must_write(6);
  CHECK(it.catches_up(2, 6));
  CHECK(it.violation() == "");
}

TEST_CASE("a replica whose state was damaged knows the members that were changed meanwhile") {
  group it;
  for (int value = 1; value <= 5; ++value)
    it.must_write(value);
  auto leader = it.must_lead();
  auto victim = leader % 3 + 1;
  auto& changed = it.await(it.reconfigure(leader, {1, 2, 3, 4}));
  REQUIRE_MESSAGE(changed.kind == answer_kind::applied, changed.reason);
  for (int value = 6; value <= 10; ++value)
    it.must_write(value);
  CHECK(it.catches_up(victim, 10));
  it.lose_state(victim);
  it.restart(victim);
  CHECK(it.run_until([&] { return it.up(victim) && it.members(victim).voters.size() == 4; }));
  it.must_write(11);
  CHECK(it.catches_up(victim, 11));
  CHECK(it.violation() == "");
}

TEST_CASE("a snapshot from before the log, or of garbage, is refused, and another one accepted") {
  auto options = under_test::make_options(protocol());
  auto make = [&] { return under_test::factory_of(protocol())({options, 2, {1, 2, 3}, 1, 1}); };
  atl::spi::stable_state stable;
  auto replica = make();
  CHECK_FALSE(replica->rebuild_from(stable, 3, "garbage"));
  for (std::size_t length = 0; length < 64; ++length)
    CHECK_FALSE(replica->rebuild_from(stable, 3, std::string(length, '\xff')));
}

TEST_CASE("no seed that damages the states of replicas loses an acknowledged entry") {
  std::uint64_t lost = 0;
  for (std::uint32_t replicas : {3, 5})
    under_test::check_promises(protocol(), replicas, seeds(200), [&](simulation_options& it) {
      it.faults.lost_states = true;
      it.spares = 0; // states aren't lost while members change
      it.trace = [&](std::string_view line) {
        lost += line.find("takes the state of replica") != line.npos ? 1 : 0;
      };
    });
  CHECK(lost > seeds(200) / 4);
}

TEST_CASE("no seed that damages states while members change breaks a promise") {
  std::uint64_t lost = 0;
  for (std::uint64_t seed = 1; seed <= seeds(200); ++seed) {
    auto it = under_test::simulation_of(protocol(), seed, 3);
    it.faults = fault_set::none();
    it.faults.lost_states = it.faults.member_changes = it.faults.crashes = it.faults.loss = true;
    it.faults.partitions = true;
    it.demand_liveness = false;
    auto report = simulate(it, under_test::factory_of(protocol()));
    CHECK_MESSAGE(report.ok, report.summary());
    lost += report.stats.lost_states;
  }
  CHECK(lost > seeds(200) / 10);
}
