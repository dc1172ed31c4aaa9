#include "paxos.hpp"
#include "plugins/consensus/newest_leader.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <doctest/doctest.h>

/// Changes of the group, and replicas that learn of them late.
using namespace atl::sim;
using atl::spi::replica_id;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct group : scripted_simulation {
  explicit group(const under_test::overrides& changed = {})
      : scripted_simulation{paxos::options(7, 3, changed), paxos::factory()} {}

  replica_id leader() const { return under_test::newest_leader(*this, 5); }
  void must_lead(replica_id who = 0) {
    REQUIRE(run_until([&] { return leader() != 0 && (who == 0 || leader() == who); }));
  }
  void must_write(std::int64_t value) {
    must_lead();
    register_command write{++tag, tag, 1, 1, operation_kind::write, value, {}};
    auto& got = await(propose(leader(), write));
    REQUIRE_MESSAGE(got.kind == answer_kind::applied, got.reason);
  }
  std::uint64_t tag = 0;
};

} // namespace

TEST_CASE("entries committed after a change to the same group are carried over") {
  group it;
  it.must_write(1);
  auto first = it.leader();
  auto behind = first % 3 + 1;
  auto other = behind % 3 + 1;
  it.run_for(seconds{1});
  // One follower has accepted the change, and does not know that it is committed; the other does.
  auto change = it.applied(first) + 1;
  auto asked = it.reconfigure(first, {1, 2, 3});
  REQUIRE(it.run_until([&] { return it.status(behind).accepted == change; }));
  it.cut(first, behind);
  REQUIRE(it.run_until([&] { return it.status(other).committed >= change; }));
  REQUIRE(it.await(asked).kind == answer_kind::applied);
  it.must_write(2);
  it.crash(first);
  it.heal_network();
  it.filter([&](auto from, auto, std::string_view bytes) {
    auto prepares = !bytes.empty() && bytes.front() == 0;
    return from == other && prepares ? filter_action::drop : filter_action::pass;
  });
  it.must_lead(behind);
  it.filter({});
  it.must_write(3);
  it.restart(first);
  CHECK(it.run_until([&] { return it.applied(first) == it.applied(behind); }));
  CHECK(it.value(first, 1) == 3);
  CHECK(it.violation() == "");
}

TEST_CASE("a change to the same group is answered, and later entries are committed") {
  group it;
  it.must_write(1);
  auto asked = it.reconfigure(it.leader(), {1, 2, 3});
  CHECK(it.await(asked).kind == answer_kind::applied);
  it.must_write(2);
  CHECK(it.violation() == "");
}

TEST_CASE("a removed replica hears from the group after it has cut the change from its log") {
  group it{{{"heartbeat", "2ms"}, {"election_timeout", "4ms"}, {"keep_entries", "0"}}};
  it.must_write(1);
  auto out = it.leader();
  REQUIRE(it.run_until([&] { return it.status(out).first > it.applied(out); })); // just cut
  std::vector<replica_id> others{out % 3 + 1, (out + 1) % 3 + 1};
  REQUIRE(it.await(it.reconfigure(out, others)).kind == answer_kind::applied);
  // The replica's query whether the group continues without it is answered late.
  bool asked = false;
  it.filter([&](auto from, auto to, std::string_view bytes) {
    asked = asked || (from == out && !bytes.empty() && bytes.front() == 0);
    return to == out ? filter_action::hold : filter_action::pass;
  });
  REQUIRE(it.run_until([&] { return asked; }));
  it.run_for(seconds{1}); // the replica has applied the change durably, and cut it
  it.filter({});
  it.release_held();
  it.run_for(seconds{1});
  CHECK(it.status(out).role == atl::spi::replica_role::learner);
  it.must_write(2);
  CHECK(it.violation() == "");
}

TEST_CASE("a removed replica that alone knows of its removal tells the others, however late") {
  group it{{{"keep_entries", "0"}}};
  it.must_write(1);
  auto out = it.leader();
  it.crash(out % 3 + 1); // permanently
  it.must_write(2);
  auto change = it.applied(out) + 1;
  it.reconfigure(out, {4});
  REQUIRE(it.run_until([&] { return it.status(out).committed >= change; }));
  it.isolate(out);
  it.run_for(seconds{5}); // the replica applies the change, and could cut it
  REQUIRE(it.applied(out) >= change);
  it.crash(out);
  it.restart(out);
  it.heal_network();
  REQUIRE(it.run_until([&] { return it.leader() == 4; }));
  it.must_write(3);
  it.run_for(seconds{20}); // and then need not campaign again
  CHECK(it.leader() == 4);
  CHECK(it.violation() == "");
}
