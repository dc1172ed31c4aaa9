#include "plugins/consensus/plugin_under_test.hpp"
#include "scenario_mutants.hpp"

#include <atoll/verify/scenarios.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

namespace {

using namespace atl::verify;

finding run(const atl::spi::descriptor& plugin, std::string_view name) {
  auto found = run_scenario(plugin, under_test::make_options(plugin), name, {}, {});
  REQUIRE(found);
  return *found;
}

/// How many of so many seeds find it: `ATOLL_MUTANT_SEEDS=300 test_scenarios` shows what a scenario
/// is good for.
void count_seeds_that_find(const broken_protocols::scenario_mutant& it) {
  auto* text = std::getenv("ATOLL_MUTANT_SEEDS");
  auto seeds = text ? std::stoull(text) : 0;
  if (seeds == 0)
    return;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    failed += simulate(under_test::simulation_of(it.plugin, seed, seed % 2 == 0 ? 3 : 5),
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
    auto found = run(it.plugin, it.scenario);
    CAPTURE(found.detail);
    CHECK(found.what == verdict::broken);
    CHECK(found.detail.find(it.detail) != std::string::npos);
    count_seeds_that_find(it);
  }
}

} // namespace

TEST_CASE("each mistake of Raft is found by the scenario that was written for it") {
  must_be_found(broken_protocols::raft_mutants());
}
TEST_CASE("each mistake of Multi-Paxos is found by the scenario that was written for it") {
  must_be_found(broken_protocols::paxos_mutants());
}
TEST_CASE("each mistake of two-phase commit is found by the scenario that was written for it") {
  must_be_found(broken_protocols::two_phase_commit_mutants());
}
