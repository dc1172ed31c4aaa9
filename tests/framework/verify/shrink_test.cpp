#include "broken_protocols.hpp"
#include "plugins/consensus/plugin_under_test.hpp"

#include <atoll/sim/run_arguments.hpp>
#include <atoll/sim/shrink.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>

using namespace atl::sim;

namespace {

struct failure {
  simulation_options options;
  simulation_report report;
};

/// The first failing seed of a few hundred.
std::optional<failure> first_failure(const broken_protocols::specimen& it) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    auto options = under_test::simulation_of(it.plugin, seed, 3);
    auto report = simulate(options, under_test::factory_of(it.plugin));
    if (!report.ok)
      return failure{std::move(options), std::move(report)};
  }
  return std::nullopt;
}

broken_protocols::specimen named(std::string_view name) {
  for (auto& list : {broken_protocols::of_raft(), broken_protocols::of_paxos(),
                     broken_protocols::of_two_phase_commit()})
    for (auto& it : list)
      if (it.name == name)
        return it;
  FAIL("there is no such specimen");
  return {};
}

/// None of the remaining faults can be left out.
void must_need_all(const shrunk_run& small, const consensus_factory& factory) {
  for (auto& fault : *small.options.choice.only) {
    auto options = small.options;
    std::erase(*options.choice.only, fault);
    CHECK_MESSAGE(!failed_alike(simulate(options, factory), small.report), describe(fault));
  }
}

} // namespace

TEST_CASE("a failing run shrinks to a smaller run with the same failure") {
  for (std::string name : {"forgets_on_restart", "grants_every_vote", "vote_not_durable",
                           "ignores_accepted_values", "forgets_prepared_entries"}) {
    CAPTURE(name);
    auto it = named(name);
    auto factory = under_test::factory_of(it.plugin);
    auto failed = first_failure(it);
    REQUIRE(failed);
    auto small = shrink(failed->options, factory);
    REQUIRE(small.options.choice.only);
    CHECK(small.faults_before == failed->report.acted.size());
    CHECK(small.report.kind == failed->report.kind);
    CHECK(small.report.acted.size() == small.options.choice.only->size());
    CHECK(small.report.acted.size() < std::max<std::size_t>(failed->report.acted.size(), 1));
    CHECK(small.options.duration <= failed->options.duration);
    CHECK(simulate(small.options, factory).hash == small.report.hash);
    if (small.finished)
      must_need_all(small, factory);
    MESSAGE(name, ": ", run_arguments(small.options), " (", failed->report.acted.size(),
            " faults acted; ", small.runs, " runs)");
  }
}

TEST_CASE("the same failure always shrinks to the same run, and a correct run is run once") {
  auto it = named("forgets_on_restart");
  auto factory = under_test::factory_of(it.plugin);
  auto failed = first_failure(it);
  REQUIRE(failed);
  CHECK(run_arguments(shrink(failed->options, factory).options) ==
        run_arguments(shrink(failed->options, factory).options));
  auto few = shrink(failed->options, factory, 5);
  CHECK(few.runs <= 5);
  CHECK(!few.finished);
  CHECK(few.report.kind == failed->report.kind);
  auto calm = failed->options;
  calm.faults = fault_set::none();
  auto fine = shrink(calm, factory);
  CHECK(fine.report.ok);
  CHECK(fine.runs == 1);
}
