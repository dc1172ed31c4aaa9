#include "fake_scheme.hpp"

#include <atoll/compare/durability_forms.hpp>
#include <atoll/compare/durability_run.hpp>

#include <doctest/doctest.h>

using namespace atl::compare;
using doctest::Approx;

namespace {

constexpr double hour = 3600;

/// Repairs take an hour for their detection, and no time for the rest.
durability_model quick_repairs() {
  durability_model it;
  it.nodes = 100;
  it.zones = 10;
  it.chunks = 30;
  it.node_mttf = 1000 * hour;
  it.detection = hour;
  it.repair_rate = 1e18;
  it.runs = 2000;
  return it;
}

durability_form formula(const durability_model& model, std::uint32_t fragments,
                        std::uint32_t survives) {
  return durability_form_of(model, {fragments, survives, 1, 1});
}

void check_near_formula(const durability_model& model, std::uint32_t fragments,
                        std::uint32_t needed) {
  auto counts = run_durability(model, fakes::threshold_scheme{fragments, needed}, 7);
  auto measured = wilson_interval(counts.runs_with_loss, counts.runs);
  auto expected = formula(model, fragments, fragments - needed);
  CAPTURE(counts.runs_with_loss);
  CHECK(counts.runs == model.runs);
  CHECK(measured.low > 0.02); // losses are seen
  CHECK(measured.low <= expected.loss);
  CHECK(expected.loss <= measured.high);
  CHECK(1 - static_cast<double>(counts.fatal_failures) / static_cast<double>(counts.failures) ==
        Approx(expected.recovered).epsilon(0.02));
}

} // namespace

TEST_CASE("two copies of independent chunks are lost as often as the chain says") {
  check_near_formula(quick_repairs(), 2, 1);
}

TEST_CASE("three copies are lost as often as the chain says, and so are fragments of a code") {
  auto model = quick_repairs();
  model.nodes = 30;
  model.chunks = 10;
  model.node_mttf = 30 * hour;
  model.years = 0.1;
  model.runs = 1000;
  check_near_formula(model, 3, 1);
  model.chunks = 1;
  check_near_formula(model, 5, 3);
}

TEST_CASE("single fragments are lost with their nodes, and each failure of a node counts") {
  auto model = quick_repairs();
  model.nodes = 5;
  model.zones = 1;
  model.chunks = 100;
  model.node_mttf = 5 * 8766 * hour;
  check_near_formula(model, 1, 1);
  auto counts = run_durability(model, fakes::threshold_scheme{1, 1}, 7);
  auto runs = static_cast<double>(counts.runs);
  CHECK(static_cast<double>(counts.failures) / runs == Approx(1).epsilon(0.05));
  CHECK(static_cast<double>(counts.chunks_lost) / runs == Approx(20).epsilon(0.05));
}

TEST_CASE("equal seeds give equal runs, and other seeds other runs") {
  auto model = quick_repairs();
  model.runs = 200;
  fakes::threshold_scheme scheme{2, 1};
  auto losses = [&](std::uint64_t seed) {
    auto it = run_durability(model, scheme, seed);
    return std::tuple{it.failures, it.runs_with_loss, it.chunks_lost};
  };
  CHECK(losses(1) == losses(1));
  CHECK(losses(1) != losses(2));
}

TEST_CASE("the longer a rebuild takes, the more is lost") {
  auto model = quick_repairs();
  model.runs = 300;
  fakes::threshold_scheme scheme{2, 1};
  auto quick = run_durability(model, scheme, 1).runs_with_loss;
  model.repair_rate = 200; // bytes a second: days for the chunks of a node
  auto slow = run_durability(model, scheme, 1);
  CHECK(slow.runs_with_loss > quick * 3 / 2);
  CHECK(slow.rebuilt_bytes > 0);
}

TEST_CASE("while a zone is away that a code needs, failures of nodes lose more than otherwise") {
  auto model = quick_repairs();
  model.nodes = 24;
  model.zones = 3; // each has two of six fragments
  model.chunks = 400;
  model.node_mttf = 600 * hour;
  model.repair_rate = 102 << 10; // a zone isn't made anew before it returns
  model.years = 0.02;
  model.runs = 300;
  fakes::threshold_scheme scheme{6, 4};
  auto without = run_durability(model, scheme, 1);
  CHECK(without.zone_failures == 0);
  model.zone_mttf = 50 * hour;
  model.zone_outage = 10 * hour;
  auto with = run_durability(model, scheme, 1);
  CHECK(with.zone_failures > 1000);
  CHECK(with.runs_with_loss > 2 * without.runs_with_loss);
}

TEST_CASE("where only one zone may receive what a node had, more is lost") {
  auto model = quick_repairs();
  model.nodes = 30;
  model.chunks = 1000;
  model.detection = 60;
  model.repair_rate = 20'000; // hours for the chunks of a node
  model.years = 0.01;
  model.runs = 300;
  fakes::threshold_scheme scheme{3, 2};
  model.zones = 4;
  auto open = run_durability(model, scheme, 1).runs_with_loss;
  model.zones = 3; // each has one of the three fragments
  auto tight = run_durability(model, scheme, 1).runs_with_loss;
  CHECK(tight > open * 3 / 2);
}

TEST_CASE("a rebuild takes the bytes that the formula says, of all failures of nodes") {
  auto model = quick_repairs();
  model.node_mttf = 8766 * hour;
  model.runs = 100;
  auto counts = run_durability(model, fakes::threshold_scheme{3, 2}, 1);
  auto held = static_cast<double>(model.chunks * 3) / model.nodes;
  auto bytes = static_cast<double>(model.chunk_bytes); // two halves are read to make the third
  CHECK(counts.rebuilt_bytes / static_cast<double>(counts.failures) ==
        Approx(held * bytes).epsilon(0.05));
}

TEST_CASE("chunks on few sets of nodes are lost less often, and more of them at a time") {
  auto model = quick_repairs();
  model.nodes = 40;
  model.chunks = 2000;
  model.node_mttf = 500 * hour;
  model.runs = 500;
  fakes::threshold_scheme scheme{3, 1};
  auto spread = run_durability(model, scheme, 1);
  model.spread = chunk_spread::copysets;
  model.scatter_width = 2;
  auto sets = run_durability(model, scheme, 1);
  REQUIRE(sets.runs_with_loss > 0);
  CHECK(sets.runs_with_loss * 4 < spread.runs_with_loss);
  CHECK(sets.chunks_lost / sets.fatal_failures > spread.chunks_lost / spread.fatal_failures);
}

TEST_CASE("the chunks that can spare least are rebuilt first") {
  // Of three copies two are often lost at a time, and a node's data takes days. Those chunks are
  // few.
  auto model = quick_repairs();
  model.nodes = 30;
  model.chunks = 3000;
  model.chunk_bytes = 1 << 20;
  model.repair_rate = 400;
  model.detection = 60;
  model.runs = 100;
  struct without_danger : fakes::threshold_scheme {
    using threshold_scheme::threshold_scheme;
    atl::spi::verdict judge(const atl::spi::chunk_report&) const override {
      return {atl::spi::chunk_health::degraded, 1};
    }
  };
  auto by_danger = run_durability(model, fakes::threshold_scheme{3, 1}, 3);
  auto by_turns = run_durability(model, without_danger{3, 1}, 3);
  CHECK(by_turns.chunks_lost > by_danger.chunks_lost * 2);
}

TEST_CASE("the scheme itself says which losses are fatal") {
  auto model = quick_repairs();
  model.runs = 1000;
  auto any_two = run_durability(model, fakes::threshold_scheme{4, 3}, 5);
  auto pairs = run_durability(model, fakes::paired_scheme{}, 5); // two of six sets of two
  CHECK(static_cast<double>(pairs.chunks_lost) / static_cast<double>(any_two.chunks_lost) ==
        Approx(1.0 / 3).epsilon(0.25));
}
