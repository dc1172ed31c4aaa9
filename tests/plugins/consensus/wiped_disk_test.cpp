#include "newest_leader.hpp"
#include "protocol_under_test.hpp"

#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/sim/shrink.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

/// A replica that comes back with an empty disk under its old id has forgotten what it promised.
/// The host refuses such a replica of a majority protocol; otherwise acknowledged entries
/// would be lost.
namespace {

using namespace atl::sim;
using atl::spi::replica_id;
using std::chrono::seconds;
using under_test::protocol;
using under_test::seeds;

simulation_options with_wiped_disks(std::uint64_t seed, bool admit_wiped) {
  auto it = under_test::simulation_of(protocol(), seed, 3);
  it.faults = fault_set::none();
  it.faults.wiped_disks = it.faults.crashes = it.faults.partitions = it.faults.loss = true;
  it.admit_wiped = admit_wiped;
  it.fatal_is_failure = it.demand_liveness = !admit_wiped;
  return it;
}

/// Three replicas, two spares, and a client that writes one key.
class wiped_group : public scripted_simulation {
 public:
  explicit wiped_group(bool admit_wiped = false)
      : scripted_simulation{with_wiped_disks(7, admit_wiped), under_test::factory_of(protocol())} {
    leads = must_lead();
    lags = leads % 3 + 1;
    follows = lags % 3 + 1;
  }

  replica_id leader() const { return under_test::newest_leader(*this, 5); }
  replica_id must_lead() {
    REQUIRE(run_until([this] { return leader() != 0; }));
    return leader();
  }
  void must_write(std::int64_t value) {
    auto& got = await(write(must_lead(), value));
    REQUIRE_MESSAGE(got.kind == answer_kind::applied, got.reason);
  }
  bool can_write_at(replica_id at, std::int64_t value) {
    return await(write(at, value), seconds{10}).kind == answer_kind::applied;
  }
  bool catches_up(replica_id id, std::int64_t value_then) {
    return run_until([&] { return value(id, key) == value_then; });
  }

  static constexpr std::uint64_t key = 1;
  replica_id leads = 0, lags = 0, follows = 0; ///< at the start

 private:
  ticket write(replica_id at, std::int64_t value) {
    ++commands_;
    return propose(at, register_command{
                           commands_, 1000 + commands_, 1, key, operation_kind::write, value, {}});
  }

  std::uint64_t commands_ = 0;
};

/// Two of three replicas acknowledged the entries: one is down with the entries on its disk, the
/// other restarts with an empty disk, and the third, which lacks the entries, is up.
void wipe_one_of_two(wiped_group& group) {
  group.crash(group.lags);
  for (int value = 1; value <= 5; ++value)
    group.must_write(value);
  group.run_for(seconds{1}); // the other follower knows that the entries are committed
  group.crash(group.leads);
  group.wipe(group.follows);
  group.restart(group.lags);
}

/// Two of three replicas restart with empty disks while the third, with the data, is down.
void wipe_two_of_three(wiped_group& group) {
  for (int value = 1; value <= 5; ++value)
    group.must_write(value);
  group.run_for(seconds{1});
  group.crash(group.leads);
  group.wipe(group.follows);
  group.wipe(group.lags);
}

} // namespace

TEST_CASE(
    "when one of two replicas that acknowledged an entry is wiped, the group elects no leader "
    "until the other one is back, and then has every acknowledged entry") {
  wiped_group group;
  wipe_one_of_two(group);
  CHECK(!group.run_until([&] { return group.leader() != 0; }, seconds{60}));
  CHECK(!group.can_write_at(group.lags, 6));
  CHECK(!group.can_write_at(group.follows, 7));
  CHECK(group.admission_refusal(group.follows).find("the group exists already") == 0);
  CHECK(!group.up(group.follows));

  group.restart(group.leads);
  group.must_write(8);
  for (auto id : {group.leads, group.lags})
    CHECK(group.catches_up(id, 8));
  CHECK(group.admission_refusal(group.follows) != "");
  CHECK(group.records(group.follows).empty());
  CHECK(group.violation() == "");
}

TEST_CASE("a group whose wiped replica was replaced tolerates the next loss") {
  wiped_group group;
  wipe_one_of_two(group);
  group.restart(group.leads);
  auto leader = group.must_lead();
  auto& changed = group.await(group.reconfigure(leader, {group.leads, group.lags, 4}));
  REQUIRE_MESSAGE(changed.kind == answer_kind::applied, changed.reason);
  CHECK(group.catches_up(4, 5));
  group.crash(group.leads);
  group.must_write(9);
  CHECK(group.catches_up(4, 9));
  CHECK(group.catches_up(group.lags, 9));
  auto& again = group.await(group.reconfigure(group.must_lead(), {4, group.lags, group.follows}));
  CHECK(again.kind == answer_kind::refused);
  CHECK(group.admission_refusal(group.follows) != "");
  CHECK(group.violation() == "");
}

TEST_CASE("two of three replicas whose disks are wiped found no group, and the third replica "
          "keeps its data") {
  wiped_group group;
  wipe_two_of_three(group);
  group.run_for(seconds{60});
  for (auto id : {group.follows, group.lags}) {
    CHECK(!group.up(id));
    CHECK(group.admission_refusal(id).find("doesn't answer") != std::string::npos);
    CHECK(!group.can_write_at(id, 6));
  }
  auto records = group.records(group.leads);
  group.restart(group.leads);
  group.run_for(seconds{60});
  CHECK(group.leader() == 0);
  CHECK(group.value(group.leads, group.key) == 5);
  CHECK(group.records(group.leads).size() >= records.size());
  for (auto id : {group.follows, group.lags})
    CHECK(group.admission_refusal(id).find("the group exists already") == 0);
  CHECK(group.violation() == "");
}

TEST_CASE("a wiped replica that reaches no peer does not participate, also after restarts") {
  wiped_group group;
  group.must_write(1);
  group.isolate(group.follows);
  for (int times = 0; times < 3; ++times) {
    group.wipe(group.follows);
    group.run_for(seconds{5});
    group.crash(group.follows);
    group.restart(group.follows);
    group.run_for(seconds{5});
    CHECK(!group.up(group.follows));
    CHECK(group.admission_refusal(group.follows).find("doesn't answer") != std::string::npos);
  }
  group.must_write(2);
  group.heal_network();
  group.run_for(seconds{1});
  CHECK(group.admission_refusal(group.follows).find("the group exists already") == 0);
  CHECK(group.violation() == "");
}

TEST_CASE("if wiped replicas were admitted, two would lead in one term, or overwrite an "
          "acknowledged entry") {
  for (auto story : {wipe_one_of_two, wipe_two_of_three}) {
    wiped_group group{true};
    story(group);
    auto is_broken = [&] { return !group.violation().empty(); };
    REQUIRE(group.run_until([&] { return is_broken() || group.leader() != 0; }));
    if (!is_broken()) // unless the election has already broken a promise
      group.can_write_at(group.leader(), 6);
    auto has = [&](auto text) { return group.violation().find(text) != std::string::npos; };
    CHECK_MESSAGE((has("both lead in term") || has("and something else on replica")),
                  group.violation());
  }
}

TEST_CASE("no seed that wipes the disks of members loses an acknowledged entry") {
  std::uint64_t wiped = 0;
  auto count = seeds(300);
  under_test::check_promises(protocol(), 3, count, [&wiped](simulation_options& it) {
    it = with_wiped_disks(it.seed, false);
    it.observe = [&wiped](const run_event& event) {
      wiped += event.what == run_event_kind::not_admitted ? 1 : 0;
    };
  });
  CHECK(wiped > count / 4);
}

TEST_CASE("no seed that draws all kinds of faults, including wiped disks, loses an acknowledged "
          "entry") {
  for (std::uint32_t replicas : {3, 5})
    under_test::check_promises(protocol(), replicas, seeds(200),
                               [](simulation_options& it) { it.faults.wiped_disks = true; });
}

TEST_CASE("a seed wipes the disks of several founders in turn, but never of all") {
  std::size_t most = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    auto it = with_wiped_disks(seed, false);
    it.spares = 4;
    std::set<replica_id> founders;
    it.observe = [&](const run_event& event) {
      if (event.what == run_event_kind::not_admitted && event.replica <= it.replicas)
        founders.insert(event.replica);
    };
    auto report = simulate(it, under_test::factory_of(protocol()));
    CHECK_MESSAGE(report.ok, report.summary());
    most = std::max(most, founders.size());
  }
  CHECK(most == 2);
}

TEST_CASE("seeds that wipe the disks of members lose entries if the replicas are admitted, and "
          "none if they are refused") {
  constexpr std::uint64_t seeds_max = 3'000; // about one seed in two hundred does
  constexpr std::uint64_t shrink_runs = 300;
  auto run = [](std::uint64_t seed, bool admit_wiped) {
    return simulate(with_wiped_disks(seed, admit_wiped), under_test::factory_of(protocol()));
  };
  std::uint64_t seed = 1;
  auto is_lost = [&] {
    auto kind = run(seed, true).kind;
    return kind == violation_kind::divergence || kind == violation_kind::not_linearizable;
  };
  while (seed <= seeds_max && !is_lost())
    ++seed;
  REQUIRE(seed <= seeds_max);
  auto report = run(seed, false);
  CHECK_MESSAGE(report.ok, report.summary());
  CHECK(report.stats.wiped_disks > 0);

  auto shrunk =
      shrink(with_wiped_disks(seed, true), under_test::factory_of(protocol()), shrink_runs);
  CHECK(shrunk.report.kind == run(seed, true).kind);
  CHECK(std::ranges::any_of(shrunk.report.acted,
                            [](auto& fault) { return fault.id.kind == fault_kind::wiped_disks; }));
}
