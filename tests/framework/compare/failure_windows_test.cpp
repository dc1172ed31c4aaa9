#include "compare/failure_windows.hpp"
#include "compare/window_units.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace atl::compare;

namespace {

durability_model small_cluster() {
  durability_model it;
  it.nodes = 20;
  it.zones = 5;
  it.chunks = 1000;
  it.node_mttf = 1000 * 3600;
  it.detection = 3600;
  it.years = 0.1;
  return it;
}

std::vector<failure> all_failures(const durability_model& model, std::uint64_t run) {
  std::vector<failure> out;
  failure_history history{model, 3, run};
  while (auto next = history.next())
    out.push_back(*next);
  return out;
}

std::vector<double> times(const std::vector<failure>& failures) {
  std::vector<double> out;
  for (auto& each : failures)
    out.push_back(each.at);
  return out;
}

} // namespace

TEST_CASE("a run has a history of its own, in order of time, as long as the run") {
  auto model = small_cluster();
  auto first = all_failures(model, 0);
  CHECK(first.size() > 5);
  CHECK(std::ranges::is_sorted(first, {}, &failure::at));
  CHECK(first.back().at < model.run_seconds());
  CHECK(times(first) == times(all_failures(model, 0)));
  CHECK(times(first) != times(all_failures(model, 1)));
}

TEST_CASE("zones fail as often as they should, with all their nodes") {
  auto model = small_cluster();
  model.zone_mttf = 500 * 3600;
  std::size_t nodes = 0, zones = 0;
  for (std::uint64_t run = 0; run < 200; ++run)
    for (auto& each : all_failures(model, run)) {
      ++(each.is_zone ? zones : nodes);
      CHECK(each.which < (each.is_zone ? 5u : 20u));
    }
  CHECK(static_cast<double>(nodes) == doctest::Approx(200 * 0.1 * 8766 * 20 / 1000).epsilon(0.05));
  CHECK(static_cast<double>(zones) == doctest::Approx(200 * 0.1 * 8766 * 5 / 500).epsilon(0.05));
  CHECK(failed_nodes(model, {0, true, 2}) == std::vector<std::uint32_t>{2, 7, 12, 17});
  CHECK(failed_nodes(model, {0, false, 2}) == std::vector<std::uint32_t>{2});
}

TEST_CASE("windows hold all failures, and end where all is surely whole again") {
  auto model = small_cluster();
  model.node_mttf = 100 * 3600;
  failure_windows windows{model, failure_history{model, 3, 0}, {model.detection, 100}};
  std::vector<failure> seen;
  for (auto window = windows.next(); !window.empty(); window = windows.next()) {
    if (!seen.empty())
      CHECK(window.front().at - seen.back().at > 1.5 * model.detection);
    for (std::size_t i = 1; i < window.size(); ++i)
      CHECK(window[i].at - window[i - 1].at < 2 * model.detection);
    seen.insert(seen.end(), window.begin(), window.end());
  }
  CHECK(times(seen) == times(all_failures(model, 0)));
}

TEST_CASE("what is put back begins the next window") {
  auto model = small_cluster();
  model.node_mttf = 20 * 3600;
  failure_windows windows{model, failure_history{model, 3, 0}, {model.detection, 100}};
  auto window = windows.next();
  REQUIRE(window.size() > 2);
  windows.put_back(std::span{window}.subspan(2));
  CHECK(windows.next().front().at == window[2].at);
}

TEST_CASE("a window lasts until its zones are back") {
  auto model = small_cluster();
  model.node_mttf = 1e9;
  model.zone_mttf = 100 * 3600;
  model.zone_outage = 50 * 3600;
  failure_windows windows{model, failure_history{model, 3, 0}, {model.detection, 0}};
  auto window = windows.next();
  auto following = windows.next();
  REQUIRE_FALSE(following.empty());
  CHECK(following.front().at - window.back().at > model.zone_outage);
}

TEST_CASE("failures that go on and on are cut") {
  auto model = small_cluster();
  model.node_mttf = 3600;
  failure_windows windows{model, failure_history{model, 3, 0}, {model.detection, 0}};
  CHECK(windows.next().size() == failure_windows::failures_max);
  CHECK(windows.next().size() == failure_windows::failures_max);
}

TEST_CASE("chunks that may be lost are all taken, and of others a sample that weighs as much") {
  durability_model model = small_cluster();
  model.chunks = 20'000;
  atl::spi::random_source random{1};
  auto places = spread_chunks(model, 3, 1, random);
  window_units units{places, 1, 64 << 20};
  CHECK_FALSE(units.choose(model, std::vector<failure>{{0, false, 4}}, random));
  REQUIRE(units.choose(model, std::vector<failure>{{0, false, 4}, {9, false, 5}}, random));
  double of_two = 0, of_one = 0, bytes = 0;
  std::size_t endangered = 0;
  for (std::uint32_t i = 0; i < units.units().size(); ++i) {
    auto& slots = units.units()[i].slots;
    auto hits = std::ranges::count(slots, 4u) + std::ranges::count(slots, 5u);
    REQUIRE(hits > 0);
    (hits == 2 ? of_two : of_one) += units.weight(i);
    endangered += hits == 2 ? 1 : 0;
    bytes += static_cast<double>(units.units()[i].bytes);
  }
  double both = 0, one = 0;
  for (std::uint32_t chunk = 0; chunk < model.chunks; ++chunk) {
    auto hits = std::count_if(&places.node_of[chunk * 3], &places.node_of[chunk * 3] + 3,
                              [](auto node) { return node == 4 || node == 5; });
    both += hits == 2 ? 1 : 0;
    one += hits == 1 ? 1 : 0;
  }
  CHECK(of_two == both);
  CHECK(endangered == both);
  CHECK(of_one == doctest::Approx(one));
  CHECK(units.units().size() == endangered + window_units::bystanders_max);
  CHECK(bytes == doctest::Approx((both + one) * (64 << 20)));
}
