#include "paxos.hpp"
#include "plugins/consensus/newest_leader.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

/// Elections that must not fail.
using namespace atl::sim;
using atl::spi::replica_id;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct group : scripted_simulation {
  explicit group(std::uint32_t replicas, const under_test::overrides& changed = {})
      : scripted_simulation{paxos::options(7, replicas, changed), paxos::factory()} {}

  replica_id leader() const { return under_test::newest_leader(*this, 5); }
  replica_id must_lead() {
    REQUIRE(run_until([&] { return leader() != 0; }));
    return leader();
  }
  void must_write(int times = 1) {
    must_lead();
    ticket last = 0;
    for (int i = 0; i < times; ++i) {
      ++tag_;
      register_command write{tag_, tag_, 1, 1, operation_kind::write, 1, {}};
      last = propose(leader(), encode(write, 1000));
    }
    REQUIRE(await(last).kind == answer_kind::applied);
  }

 private:
  std::uint64_t tag_ = 0;
};

} // namespace

TEST_CASE("a candidate that reads a long log over a slow network is given the time it needs") {
  group it{3, {{"batch_bytes", "1KiB"}}};
  it.must_write();
  auto first = it.leader();
  auto behind = first % 3 + 1;
  auto other = behind % 3 + 1;
  it.isolate(behind);
  it.must_write(200);
  it.crash(first);
  it.heal_network();
  // Only the replica that lacks many entries campaigns, and each message takes 20 ms.
  struct packet {
    replica_id from, to;
    std::string bytes;
  };
  std::vector<packet> under_way;
  it.filter([&](auto from, auto to, std::string_view bytes) {
    auto prepares = !bytes.empty() && bytes.front() == 0;
    if (from != other || !prepares)
      under_way.push_back({from, to, std::string{bytes}});
    return filter_action::drop;
  });
  for (int round = 0; round < 1000 && it.leader() == 0; ++round) {
    it.run_for(milliseconds{20});
    for (auto& packet : std::exchange(under_way, {}))
      if (it.up(packet.to))
        it.deliver(packet.from, packet.to, packet.bytes);
  }
  CHECK(it.leader() == behind);
  CHECK(it.violation() == "");
}

TEST_CASE("a voter that has cut what a candidate lacks doesn't keep the others from electing it") {
  group it{5, {{"keep_entries", "0"}}};
  it.must_write();
  auto first = it.must_lead();
  replica_id ahead = first == 1 ? 2 : 1; // the replica whose responses arrive first
  it.run_for(seconds{1});
  // Only one replica learns that the second entry is committed, and cuts it.
  it.must_write();
  for (replica_id id = 1; id <= 5; ++id)
    if (id != first && id != ahead)
      it.cut(first, id);
  REQUIRE(it.run_until([&] { return it.status(ahead).first > it.applied(first); }));
  it.crash(first);
  it.heal_network();
  it.filter([&](auto from, auto, std::string_view bytes) {
    auto prepares = !bytes.empty() && bytes.front() == 0;
    return from == ahead && prepares ? filter_action::drop : filter_action::pass;
  });
  CHECK(it.run_until([&] { return it.leader() != 0; }, seconds{10}));
  it.filter({});
  it.must_write();
  CHECK(it.run_until([&] { return it.applied(ahead) == it.applied(it.leader()); }));
  CHECK(it.violation() == "");
}

TEST_CASE("a leader steps down when its snapshot shows that others led meanwhile") {
  group it{3, {{"keep_entries", "0"}}};
  it.must_write();
  auto first = it.leader();
  auto behind = first % 3 + 1;
  auto other = behind % 3 + 1;
  it.run_for(seconds{1});
  it.isolate(behind);
  // The membership changes. A removed replica has accepted the change, and does not know that it is
  // committed; a replica that lags does not know the change, and catches up from now on.
  auto change = it.applied(first) + 1;
  it.filter([&](auto from, auto to, std::string_view) {
    return from == first && to == other && it.status(other).accepted >= change
               ? filter_action::drop
               : filter_action::pass;
  });
  auto asked = it.reconfigure(first, {first, 4, 5}, {behind});
  REQUIRE(it.await(asked).kind == answer_kind::applied);
  it.must_write(5);
  REQUIRE(it.run_until([&] { return it.status(first).first > change; }));
  // The replica receives a snapshot, which waits for the disk until the replica leads the old
  // group.
  it.stall_disk(behind, seconds{4});
  it.cut(first, behind, false);
  it.cut(behind, first, false);
  it.run_for(milliseconds{500});
  it.crash(first);
  it.cut(behind, other, false);
  it.cut(other, behind, false);
  it.filter([&](auto from, auto, std::string_view bytes) {
    auto prepares = !bytes.empty() && bytes.front() == 0;
    return from != behind && prepares ? filter_action::drop : filter_action::pass;
  });
  auto before = it.stats().snapshots;
  bool led = false;
  CHECK(it.run_until([&] {
    led = led || it.status(behind).role == atl::spi::replica_role::leader;
    return it.stats().snapshots > before;
  }));
  CHECK(led);
  it.heal_network();
  it.filter({});
  it.restart(first);
  CHECK(it.run_until([&] { return it.leader() == first || it.leader() > 3; }));
  it.run_for(seconds{3}); // the leader may change once more
  it.must_write();
  CHECK(it.run_until([&] { return it.applied(behind) == it.applied(first); }));
  CHECK(it.violation() == "");
}
