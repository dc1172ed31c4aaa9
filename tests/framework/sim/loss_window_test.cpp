#include "storage_under_test.hpp"

#include <atoll/sim/loss_window.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace atl::sim;

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::uint64_t mib = 1 << 20;

/// Nine nodes in three zones; each unit of three copies has one in each zone.
loss_window three_copies() {
  loss_window it;
  it.nodes = 9;
  it.zones = 3;
  it.disk_bytes = 1000 * mib;
  it.settings.down_after = std::chrono::seconds{2};
  it.settings.dead_after = std::chrono::seconds{60};
  it.settings.node_rate = 10 * mib;
  it.node_bytes_a_second = 100 * mib;
  it.plugins = under_test::replicated();
  for (std::uint32_t unit = 0; unit < 30; ++unit)
    it.units.push_back({4 * mib, {unit % 3, 3 + (unit + 1) % 3, 6 + (unit + 2) % 3}});
  return it;
}

/// Fails one slot after the other, with so much time in between.
void fail_in_turn(loss_window& window, std::vector<std::uint32_t> slots, std::int64_t every) {
  for (std::size_t i = 0; i < slots.size(); ++i)
    window.losses.push_back({static_cast<std::int64_t>(i) * every, {slots[i]}, 0});
}

loss_window_outcome run(const loss_window& window) {
  auto outcome = simulate_losses(window);
  CHECK_MESSAGE(outcome.problem.empty(), outcome.problem);
  return outcome;
}

} // namespace

TEST_CASE("units with all copies on nodes that fail at once are lost, and no others") {
  auto window = three_copies();
  window.losses.push_back({0, {0, 4, 8}, 0}); // as units 0, 3, 6, … are placed
  auto outcome = run(window);
  CHECK(outcome.lost_units == std::vector<std::uint32_t>{0, 3, 6, 9, 12, 15, 18, 21, 24, 27});
  CHECK(outcome.losses == 1);
}

TEST_CASE("a keeper saves units when failures are further apart than detection and repair take") {
  auto window = three_copies();
  fail_in_turn(window, {0, 4, 8}, 90 * second); // a node is lost after 60 s, and copied within 15 s
  auto outcome = run(window);
  CHECK(outcome.lost_units.empty());
  CHECK(outcome.copies >= 10);
}

TEST_CASE("failures that aren't detected yet lose units") {
  auto window = three_copies();
  fail_in_turn(window, {0, 4, 8}, 20 * second);
  CHECK(run(window).lost_units.size() == 10);
}

TEST_CASE("copies take as long as the rate of a node allows") {
  auto window = three_copies();
  fail_in_turn(window, {0, 4, 8}, 75 * second);
  CHECK(run(window).lost_units.empty());
  window.settings.node_rate = mib / 100; // the second copy of a node begins after minutes
  window.node_bytes_a_second = mib;
  CHECK_FALSE(run(window).lost_units.empty());
}

TEST_CASE("a window ends when all is whole before the next failure") {
  auto window = three_copies();
  fail_in_turn(window, {0, 4, 8}, 300 * second);
  auto outcome = run(window);
  CHECK(outcome.losses == 1);
  CHECK(outcome.lost_units.empty());
}

TEST_CASE("zones may be lost for good one after the other if units are spread over them") {
  auto window = three_copies();
  auto lose_zones = [&](std::int64_t every) {
    window.losses = {{0, {0, 3, 6}, 0}, {every, {1, 4, 7}, 0}, {2 * every, {2, 5, 8}, 0}};
  };
  lose_zones(90 * second);
  auto outcome = run(window);
  CHECK(outcome.losses == 1); // all is whole again before the second one
  CHECK(outcome.lost_units.empty());
  CHECK(outcome.copies == 30);
  lose_zones(20 * second); // before the first one is detected
  CHECK(run(window).lost_units.size() == window.units.size());
  // Two of six fragments are in each zone, and two are survived.
  window.plugins.recovery = [] { return std::make_shared<striped_scheme>(6, 4); };
  window.units.assign(30, {4 * mib, {0, 3, 1, 4, 2, 5}});
  lose_zones(90 * second);
  CHECK(run(window).lost_units.empty());
  lose_zones(20 * second);
  CHECK(run(window).lost_units.size() == 30);
}

TEST_CASE("a zone that is away loses nothing, and what it has can be read when it is back") {
  auto window = three_copies();
  window.losses.push_back({0, {0, 3, 6}, 30 * second});
  fail_in_turn(window, {1, 4}, 5 * second);
  CHECK(run(window).lost_units.empty());
  // Of the units with copies on slots 1 and 5 only the third one is left, in the zone that is away.
  auto all_but_one = three_copies();
  all_but_one.losses = {{0, {0, 3, 6}, 600 * second},
                        {second, {1, 4, 7}, 0},
                        {2 * second, {2, 5, 8}, 0},
                        {1200 * second, {0, 3, 6}, 0}};
  auto outcome = run(all_but_one);
  CHECK(outcome.lost_units.empty());
  CHECK(outcome.copies >= 60); // only after the zone's return there was anything to copy from
}

TEST_CASE("a node that fails in a zone that is away takes its data along") {
  auto window = three_copies();
  window.losses = {{0, {0, 3, 6}, 600 * second}, {second, {0}, 0}, {2 * second, {4, 8}, 0}};
  CHECK(run(window).lost_units.size() == 10);
}

TEST_CASE("equal windows are equal event by event, and those of other seeds aren't") {
  auto told = [](std::uint64_t seed) {
    auto window = three_copies();
    window.seed = seed;
    fail_in_turn(window, {1, 0, 4, 8}, 25 * second);
    window.losses.push_back({200 * second, {2}, 0});
    std::string text;
    window.trace = [&](std::string_view line) { text += std::string{line} + '\n'; };
    run(window);
    return text;
  };
  auto first = told(1);
  CHECK(first == told(1));
  CHECK(first != told(2));
  for (auto part : {"node 1 is lost for good", "unit 0.1 is lost", "moves from node 2 to node"})
    CHECK_MESSAGE(first.find(part) != first.npos, part);
}
