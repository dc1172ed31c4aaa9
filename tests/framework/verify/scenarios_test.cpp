#include "scenario_mutants.hpp"

#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace {

using namespace atl::verify;

finding run(const broken_protocols::scenario_mutant& it, const scenario_choice& choice,
            const under_test::overrides& options) {
  auto found = run_scenario(it.plugin, under_test::make_options(it.plugin, options), it.scenario,
                            choice, {});
  REQUIRE(found);
  return *found;
}

/// The number of seeds that find a mistake: `ATOLL_MUTANT_SEEDS=300 test_scenarios` shows by how
/// much a scenario is better than seeds.
void count_seeds_that_find(const broken_protocols::scenario_mutant& it) {
  auto* text = std::getenv("ATOLL_MUTANT_SEEDS");
  auto seeds = text ? std::stoull(text) : 0;
  if (seeds == 0)
    return;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    failed +=
        simulate(under_test::simulation_of(it.plugin, seed, seed % 2 == 0 ? 3 : 5, it.options),
                 under_test::factory_of(it.plugin))
                .ok
            ? 0
            : 1;
  MESSAGE(it.name, ": ", failed, " of ", seeds, " seeds fail");
}

void must_be_found(const std::vector<broken_protocols::scenario_mutant>& mutants) {
  for (auto& it : mutants) {
    CAPTURE(it.name);
    CAPTURE(it.mistake);
    auto found = run(it, it.choice, it.options);
    CAPTURE(found.detail);
    CHECK(found.what == verdict::broken);
    CHECK(found.detail.find(it.detail) != std::string::npos);
    if (it.choice.replicas != 0 || !it.choice.ids.empty() || !it.options.empty())
      CHECK(run(it, {}, {}).what != verdict::broken); // the usual group does not show the mistake
    count_seeds_that_find(it);
  }
}

/// The mutant of Raft with this name.
const broken_protocols::scenario_mutant&
named(const std::vector<broken_protocols::scenario_mutant>& all, std::string_view name) {
  auto found = std::ranges::find(all, name, &broken_protocols::scenario_mutant::name);
  REQUIRE(found != all.end());
  return *found;
}

/// The first violation that the complete verification finds.
finding first_broken(const atl::spi::descriptor& plugin, const std::vector<std::string>& words) {
  effort how;
  how.seeds = 1;
  how.stop_at_first = true;
  how.words.options = words;
  auto report = verify_here(plugin, under_test::make_options(plugin), how);
  auto found = std::ranges::find(report.findings, verdict::broken, &finding::what);
  REQUIRE(found != report.findings.end());
  return *found;
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.ends_with(end);
}

} // namespace

TEST_CASE("scenarios run also in other group sizes, with other ids and with other options") {
  auto all = broken_protocols::raft_mutants();
  auto of_hosts = broken_protocols::raft_host_mutants();
  auto halves = first_broken(named(all, "half_is_a_majority").plugin, {});
  CHECK(halves.property == "scenarios in groups of four, six and seven");
  CHECK_MESSAGE(
      ends_with(halves.detail,
                "replay: atoll simulate raft --scenario promise_not_yet_durable --replicas 4"),
      halves.detail);
  auto ids = first_broken(named(of_hosts, "ids_of_24_bits").plugin, {});
  CHECK(ids.property == "scenarios with replica ids of up to 32 bits");
  CHECK_MESSAGE(ends_with(ids.detail, "--ids 2147483649,16777217,257,65793,4294967041"),
                ids.detail);
  auto lease =
      first_broken(named(of_hosts, "lease_too_long").plugin, {"heartbeat=100ms", "lease=false"});
  CHECK(lease.property == "scenarios with lease=true");
  CHECK_MESSAGE(
      ends_with(lease.detail, "--replicas 3 --option 'heartbeat=100ms' --option lease=true"),
      lease.detail);
}

TEST_CASE("a violated property is reported before an exception that the plugin throws later") {
  auto plugin = broken_protocols::reads_stale_and_throws();
  auto found = false;
  for (std::uint64_t seed = 1; seed <= 100 && !found; ++seed) {
    auto report =
        simulate(under_test::simulation_of(plugin, seed, 3), under_test::factory_of(plugin));
    found = report.kind == atl::sim::violation_kind::not_linearizable &&
            report.reason.find("; besides, at ") != std::string::npos &&
            report.reason.ends_with("threw: assertion failed");
  }
  CHECK(found);
}

TEST_CASE("each mistake of Raft is found by the scenario that was written for it") {
  must_be_found(broken_protocols::raft_mutants());
  must_be_found(broken_protocols::raft_host_mutants());
}
TEST_CASE("each mistake of Multi-Paxos is found by the scenario that was written for it") {
  must_be_found(broken_protocols::paxos_mutants());
}
TEST_CASE("each mistake of two-phase commit is found by the scenario that was written for it") {
  must_be_found(broken_protocols::two_phase_commit_mutants());
}
