#include "../check_promises.hpp"
#include "../stalled_cut.hpp"
#include "scenario.hpp"

#include <atoll/sim/linearizability.hpp>

#include <stdexcept>

/// Leases: a leader reads without a round of heartbeats while clocks drift no more than assumed.
using namespace raft;
using under_test::overrides;
using under_test::seeds;

namespace {

constexpr std::int64_t four_times = 3'000'000; ///< four times as fast: a drift in millionths

void with_leases(simulation_options& it, overrides changed = {}) {
  changed["lease"] = "true";
  it.protocol_options = under_test::make_options(plugin(), changed);
  it.faults = it.faults.as_claimed("lease", it.protocol_options);
  it.workload.clients = 8;
  it.workload.reads = 0.6;
}

/// A leader that was just isolated, while the clocks of the others run four times as fast
/// as its own: they elect another leader, and write.
struct deposed_leader {
  explicit deposed_leader(const overrides& changed) : it{3, changed} {
    it.must_write(1);
    first = it.leader();
    for (replica_id id = 1; id <= 3; ++id)
      if (id != first)
        it.drift(id, four_times);
    it.run_for(seconds{5});
    it.isolate(first);
    REQUIRE(it.run_until([&] { return it.leader() != 0 && it.leader() != first; }));
    before = it.now();
    it.must_write(2);
    after = it.now();
    it.run_for(milliseconds{1});
  }

  group it;
  replica_id first = 0;
  std::chrono::microseconds before{0}, after{0};
};

/// Whether the isolated leader answers a read while another replica leads.
bool answers_while_another_leads(group& it, replica_id first) {
  for (int i = 0; i < 500; ++i) {
    auto ticket = it.read(first, 1);
    it.run_for(milliseconds{10});
    if (it.outcome(ticket).kind != answer_kind::read)
      continue;
    for (replica_id id = 1; id <= 3; ++id)
      if (id != first && it.up(id) && it.status(id).role == atl::spi::replica_role::leader)
        return true;
  }
  return false;
}

} // namespace

TEST_CASE("with leases, and clocks within the bound, replicas keep every promise") {
  under_test::check_promises(plugin(), 3, seeds(400), [](auto& it) { with_leases(it); });
  under_test::check_promises(plugin(), 5, seeds(200), [](auto& it) { with_leases(it); });
}
TEST_CASE("leases that are short, and renewed late, keep every promise") {
  under_test::check_promises(plugin(), 3, seeds(300), [](auto& it) {
    with_leases(it, {{"heartbeat", "20ms"}, {"election_timeout", "60ms"}, {"keep_entries", "5"}});
  });
}
TEST_CASE("replicas keep every promise when some have leases on, with timeouts of their own") {
  auto options_of = [](replica_id replica) -> overrides {
    if (replica % 3 == 0)
      return {{"lease", "false"}, {"election_timeout", "400ms"}};
    if (replica % 3 == 1)
      return {{"lease", "true"}, {"clock_drift", "400000"}};
    return {{"lease", "true"}, {"heartbeat", "30ms"}, {"election_timeout", "300ms"}};
  };
  under_test::check_promises(
      plugin(), 3, seeds(300), [](auto& it) { with_leases(it); },
      under_test::factory_of(plugin(), options_of));
}
TEST_CASE("a bound below what the simulated clocks do makes them keep to it") {
  under_test::check_promises(plugin(), 3, seeds(200), [](auto& it) {
    with_leases(it, {{"clock_drift", "10000"}});
    CHECK(it.faults.drift_ppm_max == 4975);
  });
}

TEST_CASE("a leader that a majority has just answered reads without a message") {
  for (bool lease : {false, true}) {
    group it{3, {{"lease", lease ? "true" : "false"}}};
    it.must_write(1);
    auto first = it.leader();
    it.run_for(seconds{1});
    auto sent = it.stats().messages;
    auto ticket = it.read(first, 1);
    it.run_for(std::chrono::microseconds{1});
    CHECK((it.outcome(ticket).kind == answer_kind::read) == lease);
    CHECK((it.stats().messages == sent) == lease);
    CHECK(it.must_read(it.other_than(first)) == 1);
  }
}

TEST_CASE("an isolated leader answers reads until its lease ends, and not later") {
  group it{3, {{"lease", "true"}}};
  it.must_write(1);
  auto first = it.leader();
  it.isolate(first);
  auto last = it.now();
  auto began = last;
  for (int i = 0; i < 300; ++i) {
    auto ticket = it.read(first, 1);
    it.run_for(milliseconds{10});
    if (it.outcome(ticket).kind == answer_kind::read)
      last = it.now();
  }
  // A second after the last heartbeat, by a clock that runs a quarter too fast.
  CHECK(last - began > milliseconds{600});
  CHECK(last - began <= milliseconds{820});
}

TEST_CASE("a lease counts from when the heartbeat left, however late the response comes") {
  group it{3, {{"lease", "true"}}};
  it.must_write(1);
  auto first = it.leader();
  it.filter([&](auto, auto to, std::string_view) {
    return to == first ? filter_action::hold : filter_action::pass;
  });
  it.run_for(milliseconds{150});
  for (replica_id id = 1; id <= 3; ++id)
    it.cut(first, id); // no replica receives the leader's messages any more
  it.run_for(milliseconds{800});
  it.release_held();
  it.run_for(milliseconds{1});
  auto late = it.read(first, 1);
  it.run_for(milliseconds{1});
  CHECK(it.outcome(late).kind != answer_kind::read);
}

TEST_CASE("clocks beyond the bound make a stale read, which the checker of histories sees") {
  deposed_leader story{{{"lease", "true"}, {"clock_drift", "0"}}};
  auto& it = story.it;
  auto asked = it.now();
  auto& got = it.await(it.read(story.first, 1));
  REQUIRE(got.kind == answer_kind::read);
  CHECK(got.result.result == 1);
  history seen;
  auto add = [&](std::uint64_t client, operation_kind kind, register_value argument,
                 register_value result, auto from, auto to) {
    operation one;
    one.client = client;
    one.key = 1;
    one.kind = kind;
    one.argument = argument;
    one.result = result;
    one.invoked = from.count();
    one.returned = to.count();
    one.outcome = operation_outcome::ok;
    seen.push_back(one);
  };
  using time = std::chrono::microseconds;
  add(1, operation_kind::write, 1, {}, time{1}, time{2});
  add(1, operation_kind::write, 2, {}, story.before, story.after);
  add(2, operation_kind::read, {}, got.result.result, asked, it.now());
  CHECK(check_linearizable(seen).what == verdict::not_linearizable);
}

TEST_CASE("with a bound that covers the clocks, the same leader answers no read") {
  deposed_leader story{{{"lease", "true"}, {"clock_drift", std::to_string(four_times)}}};
  auto& got = story.it.await(story.it.read(story.first, 1), seconds{10});
  CHECK(got.kind == answer_kind::refused);
}

TEST_CASE("a leader that was paused answers nothing by the lease that it had before") {
  group it{3, {{"lease", "true"}}};
  it.must_write(1);
  auto first = it.leader();
  it.isolate(first);
  it.pause(first, seconds{5});
  auto before = it.read(first, 1);
  REQUIRE(it.run_until([&] { return it.leader() != 0 && it.leader() != first; }));
  it.must_write(2);
  auto behind = it.read(first, 1);
  it.run_for(seconds{10});
  CHECK(it.outcome(before).kind == answer_kind::refused);
  CHECK(it.outcome(behind).kind == answer_kind::refused);
}

TEST_CASE("a voter that crashed keeps the promise that it has forgotten") {
  for (int wait = 0; wait < 2000; wait += 50) {
    CAPTURE(wait);
    group it{3, {{"lease", "true"}}};
    it.must_write(1);
    auto first = it.leader();
    auto voter = it.other_than(first);
    auto candidate = it.other_than(voter);
    // One replica loses the leader and asks for votes repeatedly; the other receives heartbeats
    // until it crashes.
    it.cut(first, candidate);
    it.run_for(seconds{3} + milliseconds{wait});
    it.crash(voter);
    it.isolate(first);
    it.restart(voter);
    CHECK_FALSE(answers_while_another_leads(it, first));
    CHECK(it.leader() != first);
    CHECK(it.leader() != 0);
  }
}

TEST_CASE("a promise is kept after a restart with other options") {
  group it{3, {{"lease", "true"}}};
  it.must_write(1);
  atl::spi::stable_state disk;
  auto start = [&](const overrides& changed, atl::spi::timestamp now) {
    auto options = under_test::make_options(plugin(), changed);
    std::unique_ptr<atl::spi::consensus> one{plugin().create.consensus({options, 1, {1}, 1, 1})};
    one->start(disk, 0, now);
    std::vector<atl::spi::effect> effects;
    one->drain(effects);
    for (auto& effect : effects)
      if (auto* sync = std::get_if<atl::spi::persist>(&effect))
        for (auto& op : sync->ops)
          if (auto* set = std::get_if<atl::spi::set_meta>(&op))
            disk.meta = set->bytes;
    return one->deadline() - now;
  };
  using std::chrono::microseconds;
  CHECK(start({}, microseconds{1000}) == microseconds{0}); // a group of one need not wait
  disk = {};
  start({{"lease", "true"}, {"election_timeout", "7s"}}, microseconds{1000});
  CHECK(start({}, microseconds{2000}) == seconds{7});
  CHECK(start({}, microseconds{3000}) == seconds{7}); // also after another restart meanwhile
}

TEST_CASE("a leader that has told another replica to campaign has no lease") {
  group it{3, {{"lease", "true"}}};
  it.must_write(1);
  auto first = it.leader();
  auto next = it.other_than(first);
  std::size_t held = 0;
  it.filter([&](auto, auto, std::string_view bytes) {
    if (bytes.empty() || bytes.front() != 4) // the replica should campaign
      return filter_action::pass;
    ++held;
    return filter_action::hold;
  });
  it.transfer(first, next);
  it.run_for(seconds{5});
  REQUIRE(held > 0);
  REQUIRE(it.leader() == first);
  CHECK(it.must_read(first) == 1); // with a round of heartbeats
  it.release_held();
  it.run_for(std::chrono::microseconds{10});
  it.isolate(first);
  CHECK_FALSE(answers_while_another_leads(it, first));
  CHECK(it.leader() == next);
}

TEST_CASE("a clock drift that leaves no lease is refused with the reason") {
  auto made = [](const overrides& changed) -> std::string {
    auto options = under_test::make_options(plugin(), changed);
    try {
      delete plugin().create.consensus({options, 1, {1, 2, 3}, 1, 1});
    } catch (const std::invalid_argument& refused) {
      return refused.what();
    }
    return {};
  };
  CHECK(made({{"lease", "true"}}) == "");
  CHECK(made({{"clock_drift", "9000000"}}) == "");
  CHECK(made({{"lease", "true"}, {"clock_drift", "9000000"}}).find("lease would last 100000 us") !=
        std::string::npos);
}

TEST_CASE("with a lease, too, reads are answered while a cut waits for a disk that stalls") {
  under_test::read_while_a_cut_waits(raft::plugin(), {{"lease", "true"}});
}
