#include "contains.hpp"
#include "kept_schemes.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace atl::compare;
using doctest::Approx;

namespace {

constexpr double hour = 3600;

/// Nodes fail so often that runs of a week see losses; detection takes an hour, and a rebuild
/// minutes.
durability_model frequent_failures() {
  durability_model it;
  it.nodes = 24;
  it.zones = 6;
  it.chunks = 400;
  it.node_mttf = 1000 * hour;
  it.detection = hour;
  it.years = 0.02;
  it.runs = 300;
  return it;
}

/// Both see losses, about equally often: the failures are the same.
void check_agreement(const durability_model& model, const kept::scheme_ptr& scheme) {
  auto it = kept::measure(model, scheme, 5);
  CAPTURE(it.counts.runs_with_loss);
  CAPTURE(it.keeper.runs_with_loss);
  CHECK(it.keeper.runs == model.runs);
  CHECK(it.counts.runs_with_loss > 10);
  CHECK(it.keeper.runs_with_loss > 10);
  CHECK(do_runs_agree(it));
  auto share = [](auto& counts) {
    return static_cast<double>(counts.runs_with_loss) / static_cast<double>(counts.runs);
  };
  CHECK(std::abs(share(it.counts) - share(it.keeper)) < 0.05);
}

/// Zones that fail, and nodes that hardly do.
durability_model failing_zones(std::uint32_t zones) {
  auto it = frequent_failures();
  it.nodes = 18;
  it.zones = zones;
  it.chunks = 100;
  it.node_mttf = 1e7 * hour;
  it.zone_mttf = 2000 * hour;
  it.detection = 60;
  it.years = 0.2;
  it.runs = 20;
  return it;
}

kept_scheme kept_code() {
  return {kept::code(4, 2), 64.0 * (1 << 20)};
}

} // namespace

TEST_CASE("keeper and model lose two copies equally often") {
  check_agreement(frequent_failures(), kept::copies(2));
}

TEST_CASE("keeper and model lose three copies equally often") {
  auto model = frequent_failures();
  model.node_mttf = 200 * hour;
  model.chunks = 3000;
  check_agreement(model, kept::copies(3));
}

TEST_CASE("keeper and model lose a code's chunks equally often") {
  auto model = frequent_failures();
  model.node_mttf = 250 * hour;
  check_agreement(model, kept::code(4, 2));
}

TEST_CASE("keeper and model agree where repairs take as long as detection") {
  auto model = frequent_failures();
  model.repair_rate = 64.0 * (1 << 20) / 300; // some two chunks of a node go to each other one
  check_agreement(model, kept::copies(2));
}

TEST_CASE("the slower the repairs are, the more a keeper loses") {
  auto model = frequent_failures();
  model.detection = 60;
  auto quick = kept::measure(model, kept::copies(2), 1).keeper.runs_with_loss;
  model.repair_rate = 64.0 * (1 << 20) / 3600;
  auto slow = kept::measure(model, kept::copies(2), 1).keeper.runs_with_loss;
  CHECK(slow > 2 * quick);
}

TEST_CASE("equal seeds give equal runs of the keeper, and other seeds other runs") {
  auto model = frequent_failures();
  model.runs = 60;
  auto counts = [&](std::uint64_t seed) {
    auto it = kept::measure(model, kept::copies(2), seed).keeper;
    return std::tuple{it.runs_with_loss, it.chunks_lost, it.windows, it.events, it.copies};
  };
  CHECK(counts(1) == counts(1));
  CHECK(counts(1) != counts(2));
}

TEST_CASE("a loss of a zone is survived by schemes that are spread over zones") {
  for (auto& scheme : {kept::code(4, 2), kept::copies(3)}) {
    auto it = kept::measure(failing_zones(3), scheme, 2);
    CHECK(it.counts.zone_failures > 20);
    CHECK(it.counts.chunks_lost == 0);
    CHECK(it.keeper.chunks_lost == 0);
  }
}

TEST_CASE("a loss of a zone loses chunks if the zones are too few for a scheme") {
  auto it = kept::measure(failing_zones(2), kept::code(4, 2), 2); // three fragments in each zone
  CHECK(it.counts.runs_with_loss > 10);
  CHECK(it.keeper.runs_with_loss == it.counts.runs_with_loss);
  CHECK(it.keeper.chunks_lost == Approx(static_cast<double>(it.counts.chunks_lost)).epsilon(0.01));
  CHECK(it.form.loss < 0.001); // the formula knows no zones that fail
}

TEST_CASE("zones that are away lose nothing, however few there are") {
  auto model = failing_zones(2);
  model.zone_outage = 2 * hour;
  auto it = kept::measure(model, kept::code(4, 2), 2);
  CHECK(it.counts.zone_failures > 20);
  CHECK(it.counts.chunks_lost == 0);
  CHECK(it.keeper.chunks_lost == 0);
}

TEST_CASE("a window that loses chunks can be run again, and tells how") {
  auto model = frequent_failures();
  model.node_mttf = 250 * hour;
  model.runs = 50;
  auto counts = run_keeper(model, kept_code(), 5, {kept::random_nodes, std::nullopt});
  REQUIRE(counts);
  REQUIRE(counts->first_loss.run > 0);
  std::string told;
  auto lost = trace_window(model, kept_code(), 5, kept::random_nodes, counts->first_loss,
                           [&](std::string_view line) { told += std::string{line} + '\n'; });
  REQUIRE(lost);
  CHECK(*lost > 0);
  CHECK(contains(told, "is lost for good\n"));
  CHECK(contains(told, "unit 0.1 is lost\n"));
  auto none = trace_window(model, kept_code(), 5, kept::random_nodes, {1, 1000}, {});
  REQUIRE_FALSE(none);
  CHECK(none.error().message == "run 1 has no window 1000 in which chunks might be lost");
}

TEST_CASE("the number of runs may be given, or is bounded by the work that they are") {
  auto model = frequent_failures();
  auto runs = [&](const keeper_options& options) {
    auto it = run_keeper(model, {kept::copies(2), 64.0 * (1 << 20)}, 1, options);
    REQUIRE(it);
    return std::pair{it->runs, it->is_shortened};
  };
  CHECK(runs({kept::random_nodes, 7}) == std::pair{std::uint64_t{7}, false});
  auto bounded = runs({kept::random_nodes, std::nullopt, 2000});
  CHECK(bounded.first < 100);
  CHECK(bounded.second);
  CHECK(runs({kept::random_nodes, 100, 2000}) == std::pair{std::uint64_t{100}, false});
}

TEST_CASE("a balancer that can't be made ends the keeper's runs with an error") {
  auto model = frequent_failures();
  auto refuse = [](std::uint64_t) -> std::shared_ptr<atl::spi::balancer> {
    throw std::runtime_error{"no balancer today"};
  };
  auto it = measure_durability(model, kept::strategy("two", kept::copies(2)), 1, {refuse, 5});
  REQUIRE_FALSE(it);
  CHECK(contains(it.error().message, "no balancer today"));
}
