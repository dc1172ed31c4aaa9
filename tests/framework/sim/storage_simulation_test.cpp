#include "contains.hpp"
#include "seed_count.hpp"
#include "storage_under_test.hpp"

#include <atoll/sim/run_arguments.hpp>
#include <atoll/sim/storage_shrink.hpp>
#include <atoll/sim/storage_simulation.hpp>

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>
#include <string>

using namespace atl::sim;
namespace keep = atl::keep;
using std::chrono::seconds;
using under_test::storage_of;

namespace {

/// Runs these seeds, all of which must pass, and adds up what happened.
storage_stats check_seeds(std::uint64_t seeds, const storage_plugins& plugins,
                          std::uint32_t nodes) {
  storage_stats sum;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto options = storage_of(seed);
    options.plugins = plugins;
    options.nodes = nodes;
    auto report = simulate_storage(options);
    CHECK_MESSAGE(report.ok, report.summary());
    sum.copies += report.stats.copies;
    sum.verifications += report.stats.verifications;
    sum.removals += report.stats.removals;
    sum.relocations += report.stats.relocations;
    sum.deaths += report.stats.deaths;
    sum.leaders += report.stats.leaders - 1;
    sum.fragments_lost += report.stats.fragments_lost;
    sum.reads += report.stats.reads;
  }
  return sum;
}

keeper_factory relocates_first() {
  return [](keep::keeper_setup setup) {
    setup.rules.copy_before_relocating = false;
    return std::make_unique<simulated_keeper>(std::move(setup));
  };
}

storage_report first_failure(storage_simulation_options& options) {
  for (options.seed = 1; options.seed <= 200; ++options.seed)
    if (auto report = simulate_storage(options); !report.ok)
      return report;
  return {};
}

} // namespace

TEST_CASE("a keeper of whole copies passes under every mix of faults") {
  auto seeds = seed_count(300);
  auto sum = check_seeds(seeds, under_test::replicated(), 8);
  // What was never done proves nothing.
  CHECK(sum.copies > seeds);
  CHECK(sum.relocations > seeds);
  CHECK(sum.removals > seeds);
  CHECK(sum.verifications > seeds);
  CHECK(sum.fragments_lost > seeds);
  CHECK(sum.deaths > seeds / 4);
  CHECK(sum.leaders > seeds / 4);
  CHECK(sum.reads > seeds);
}

TEST_CASE("a keeper of coded fragments passes under every mix of faults") {
  auto seeds = seed_count(150);
  auto sum = check_seeds(seeds, under_test::striped(), 10);
  CHECK(sum.copies > seeds);
}

TEST_CASE("the same seed makes the same run, and another seed a different one") {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto once = simulate_storage(storage_of(seed));
    CHECK(simulate_storage(storage_of(seed)).hash == once.hash);
    hashes.insert(once.hash);
  }
  CHECK(hashes.size() == 20);
}

TEST_CASE("without faults nothing is lost, repaired or verified") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    auto options = storage_of(seed);
    options.faults = storage_fault_set::none();
    auto report = simulate_storage(options);
    CHECK_MESSAGE(report.ok, report.summary());
    CHECK(report.stats.copies == 0);
    CHECK(report.stats.deaths == 0);
    CHECK(report.stats.fragments_lost == 0);
    CHECK(report.stats.puts > 0);
    CHECK(report.stats.removals > 0); // of what clients removed
  }
}

TEST_CASE("a change of the leader at any effect loses nothing") {
  auto options = storage_of(3);
  options.units = 12;
  options.clients = 1;
  options.duration = seconds{30};
  options.faults = storage_fault_set::none();
  options.faults.node_wipes = options.faults.drains = options.faults.node_crashes = true;
  auto effects = std::min<std::uint64_t>(simulate_storage(options).stats.effects, seed_count(150));
  for (options.leader_change_at = 1; options.leader_change_at <= effects;
       ++options.leader_change_at) {
    auto report = simulate_storage(options);
    CHECK_MESSAGE(report.ok, report.summary());
    CHECK(report.stats.leaders >= 2);
  }
}

TEST_CASE("a failing seed is replayed, and shrunk to faults none of which can be left out") {
  auto options = storage_of(1);
  options.make_keeper = relocates_first();
  auto failure = first_failure(options);
  REQUIRE(!failure.ok);
  CHECK(simulate_storage(options).reason == failure.reason);
  auto shrunk = shrink(options, 300);
  CHECK(shrunk.report.kind == failure.kind);
  CHECK(shrunk.report.acted.size() <= failure.acted.size());
  CHECK(shrunk.report.acted.size() <= 5);
  auto replay = shrunk.options;
  REQUIRE(replay.choice.only);
  replay.choice.only = parse_faults(format_faults(*replay.choice.only)).value();
  CHECK(simulate_storage(replay).hash == shrunk.report.hash);
  if (shrunk.finished)
    for (std::size_t i = 0; i < shrunk.options.choice.only->size(); ++i) {
      auto fewer = shrunk.options;
      fewer.choice.only->erase(fewer.choice.only->begin() + static_cast<std::ptrdiff_t>(i));
      CHECK(simulate_storage(fewer).kind != failure.kind);
    }
}

TEST_CASE("a trace tells what happens, and the arguments repeat the run") {
  auto options = storage_of(2);
  std::string trace;
  options.trace = [&trace](std::string_view line) { trace += std::string{line} + '\n'; };
  auto report = simulate_storage(options);
  REQUIRE(!report.acted.empty());
  CHECK(contains(trace, "fault " + format_faults({report.acted.front().id}) + ": "));
  CHECK(contains(trace, "host 1 leads in term 1"));
  CHECK(contains(trace, "all faults end"));
  options.faults = named_storage_faults({"node_wipes", "bit_rot"});
  options.choice.without.bit_rot = true;
  CHECK(run_arguments(options) == "--seed 2 --nodes 8 --units 60 --duration 1m --faults "
                                  "node_wipes,bit_rot --without bit_rot");
}

TEST_CASE("nodes that don't check what they copy are noticed") {
  auto options = storage_of(1);
  options.nodes_check_copies = false;
  options.faults = named_storage_faults({"bit_rot", "drains", "node_wipes"});
  auto kind = storage_violation::none;
  for (options.seed = 1; options.seed <= 200 && kind == storage_violation::none; ++options.seed)
    kind = simulate_storage(options).kind;
  CHECK(kind == storage_violation::damage_spread);
}

TEST_CASE("too few nodes for a scheme are refused") {
  auto options = storage_of(1);
  options.nodes = 2;
  CHECK_THROWS_AS(simulate_storage(options), std::invalid_argument);
}
