#include "contains.hpp"
#include "toy_log.hpp"

#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/sim/simulation.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace atl::sim;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

simulation_options options(std::uint64_t seed) {
  simulation_options it;
  it.seed = seed;
  it.replicas = 1;
  it.duration = seconds{5};
  return it;
}

/// The first violation that any of some seeds finds; empty when none does.
std::string first_violation(const toy::mistakes& what, std::uint64_t seeds = 50) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    if (auto report = simulate(options(seed), toy::factory(what)); !report.ok)
      return report.reason;
  return {};
}

register_command add(std::uint64_t sequence, std::int64_t delta = 1) {
  return {sequence, 1, sequence, 1, operation_kind::add, delta, {}};
}

} // namespace

TEST_CASE("a correct protocol passes under every mix of faults") {
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    auto report = simulate(options(seed), toy::factory());
    CHECK_MESSAGE(report.ok, report.summary());
    CHECK(report.checked);
    crashes += report.stats.crashes;
  }
  CHECK(crashes > 50);
}

TEST_CASE("each mistake of a protocol is reported by name") {
  CHECK(contains(first_violation({.applies_before_durable = true}), "index"));
  CHECK(contains(first_violation({.forgets_its_log = true}), "index"));
  CHECK(contains(first_violation({.wrong_token = true}), "persists with token 2 after 0"));
  CHECK(contains(first_violation({.answers_twice = true}), "answered already"));
  CHECK(contains(first_violation({.speaks_to_itself = true}), "sends to replica 1"));
  CHECK(contains(first_violation({.grows = true}), "1000000 requests are pending"));
}

TEST_CASE("the same seed makes the same run, and another seed a different one") {
  std::set<std::uint64_t> hashes;
  std::set<std::string> mixes;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    auto once = simulate(options(seed), toy::factory());
    CHECK(simulate(options(seed), toy::factory()).hash == once.hash);
    hashes.insert(once.hash);
    mixes.insert(once.faults);
  }
  CHECK(hashes.size() == 30);
  CHECK(mixes.size() == 30);
}

TEST_CASE("a report prints the arguments that reproduce the run, and a trace its events") {
  auto with_trace = options(3);
  std::string trace;
  with_trace.trace = [&trace](std::string_view line) {
    trace += line;
    trace += '\n';
  };
  auto report = simulate(with_trace, toy::factory({.forgets_its_log = true}));
  CHECK(contains(report.summary(), "seed 3"));
  CHECK(contains(report.summary(), "faults: delay"));
  CHECK(contains(trace, "replica 1 starts as incarnation 1"));
  REQUIRE(!report.acted.empty());
  CHECK(contains(trace, "fault " + format_faults({report.acted.front().id}) + ": "));
}

TEST_CASE("without faults no replica crashes and no message is lost") {
  auto quiet = options(1);
  quiet.faults = fault_set::none();
  auto report = simulate(quiet, toy::factory());
  CHECK(report.ok);
  CHECK(report.stats.crashes == 0);
  CHECK(report.stats.dropped == 0);
  CHECK(report.stats.unknown <= quiet.workload.clients); // the operations in progress at the end
}

TEST_CASE("a crash keeps exactly the writes that the script names") {
  for (std::size_t kept = 0; kept <= 3; ++kept) {
    scripted_simulation it{options(1), toy::factory()};
    it.run_for(milliseconds{2});
    it.stall_disk(1, seconds{1});
    for (std::uint64_t i = 1; i <= 3; ++i)
      it.propose(1, add(i));
    it.run_for(milliseconds{10});
    it.crash(1, kept);
    it.restart(1);
    CHECK(it.applied(1) == kept);
    CHECK(it.value(1, 1) == (kept == 0 ? register_value{} : static_cast<std::int64_t>(kept)));
    CHECK(it.violation() == "");
  }
}

TEST_CASE("a request is answered, refused, or lost with its replica") {
  scripted_simulation it{options(1), toy::factory()};
  it.run_for(milliseconds{2});
  auto& applied = it.await(it.propose(1, add(1, 5)));
  CHECK(applied.kind == answer_kind::applied);
  CHECK(applied.result.result == 5);
  auto refused = it.await(it.propose(1, std::string{"no"}));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(refused.reason == "it said no");
  it.stall_disk(1, seconds{1});
  auto lost = it.propose(1, add(2));
  it.run_for(milliseconds{10});
  it.crash(1, 0);
  CHECK(it.outcome(lost).kind == answer_kind::lost);
  CHECK(it.await(it.read(1, 1)).kind == answer_kind::refused); // no replica is up
}

TEST_CASE("a retried command of a session gets the same response and is applied once") {
  scripted_simulation it{options(1), toy::factory()};
  it.run_for(milliseconds{2});
  CHECK(it.await(it.propose(1, add(1))).result.result == 1);
  auto retry = add(1);
  retry.tag = 77;
  CHECK(it.await(it.propose(1, retry)).result.result == 1);
  CHECK(it.await(it.propose(1, add(2))).result.result == 2);
}

TEST_CASE("a failed sync stops the replica") {
  scripted_simulation it{options(1), toy::factory()};
  it.run_for(milliseconds{2});
  it.fail_next_sync(1);
  auto ticket = it.propose(1, add(1));
  it.run_for(milliseconds{10});
  CHECK(!it.up(1));
  CHECK(it.outcome(ticket).kind == answer_kind::lost);
  CHECK(it.run_until([&] { return it.up(1); })); // the operator replaced the disk
}
