#include <atoll/sim/storage_state_model.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace atl::sim;
namespace keep = atl::keep;
using scope = keep::unit_query::scope;

namespace {

/// Five nodes, and a policy of three fragments of which two may be lost.
storage_state_model small_state() {
  storage_state_model state;
  state.define_policy(1, {3, 2, 2});
  for (keep::node_id node = 1; node <= 5; ++node)
    state.register_node(node);
  return state;
}

keep::unit_record unit(std::uint64_t number, std::vector<keep::node_id> nodes) {
  return {{number, 0}, 100, 1, 0, std::move(nodes)};
}

std::vector<std::uint64_t> numbers(const storage_state_model::page& page) {
  std::vector<std::uint64_t> out;
  for (auto& each : page.units)
    out.push_back(each.id.high);
  return out;
}

keep::unit_query query(scope what, std::uint32_t units_max, keep::node_id node = keep::no_node) {
  keep::unit_query it;
  it.what = what;
  it.units_max = units_max;
  it.node = node;
  return it;
}

} // namespace

TEST_CASE("a unit is put once, complete enough, and on nodes that may hold data") {
  auto state = small_state();
  CHECK(state.put(unit(10, {1, 2, 3})));
  CHECK(!state.put(unit(10, {1, 2, 3})));
  CHECK(!state.put(unit(11, {1, 2})));
  CHECK(!state.put(unit(11, {1, 0, 0})));
  CHECK(!state.put(unit(11, {1, 2, 9})));
  state.set_node_state(3, keep::node_state::dead);
  CHECK(!state.put(unit(11, {1, 2, 3})));
  state.set_node_state(2, keep::node_state::draining);
  CHECK(state.put(unit(11, {1, 2, 0})));
  state.raise_watermark({20, 0});
  CHECK(!state.put(unit(19, {1, 2, 4})));
  CHECK(state.put(unit(20, {1, 2, 4})));
}

TEST_CASE("a fragment moves only from where it is, to a node that may hold data") {
  using keep::relocation_outcome;
  auto state = small_state();
  state.put(unit(1, {1, 2, 3}));
  state.set_node_state(5, keep::node_state::dead);
  std::vector<keep::relocation> moves{{{{1, 0}, 0}, 1, 4}, {{{1, 0}, 0}, 1, 4},
                                      {{{1, 0}, 1}, 2, 5}, {{{1, 0}, 7}, 2, 4},
                                      {{{2, 0}, 0}, 1, 4}, {{{1, 0}, 2}, 3, keep::no_node}};
  std::vector outcomes{relocation_outcome::moved,        relocation_outcome::is_elsewhere,
                       relocation_outcome::impossible,   relocation_outcome::impossible,
                       relocation_outcome::no_such_unit, relocation_outcome::moved};
  CHECK(state.relocate(2, moves) == outcomes);
  CHECK(state.find({1, 0})->nodes == std::vector<keep::node_id>{4, 2, 0});
  CHECK(state.units_on(1).empty());
  CHECK(state.units_on(4).size() == 1);
  CHECK(state.incomplete_units() == 1);
  CHECK(state.relocate(1, {&moves[0], 1}) == std::vector{relocation_outcome::superseded});
}

TEST_CASE("nodes change their states as operators and keepers may change them") {
  using keep::node_state;
  auto state = small_state();
  CHECK(state.set_node_state(1, node_state::draining));
  CHECK(state.set_node_state(1, node_state::active));
  CHECK(state.set_node_state(1, node_state::dead));
  CHECK(!state.set_node_state(1, node_state::draining));
  CHECK(state.set_node_state(1, node_state::active));
  CHECK(state.set_node_state(1, node_state::forgotten));
  CHECK(!state.set_node_state(1, node_state::active));
  CHECK(!state.set_node_state(9, node_state::dead));
}

TEST_CASE("incomplete units are listed by danger, page by page") {
  auto state = small_state();
  state.put(unit(1, {1, 2, 3}));
  state.put(unit(2, {1, 2, 0}));
  state.put(unit(3, {1, 0, 3}));
  state.put(unit(4, {4, 5, 1}));
  std::vector<keep::relocation> lost{{{{4, 0}, 0}, 4, keep::no_node},
                                     {{{4, 0}, 1}, 5, keep::no_node}};
  state.relocate(1, lost);
  auto first = state.query(query(scope::incomplete, 2));
  CHECK(numbers(first) == std::vector<std::uint64_t>{4, 2});
  CHECK(first.more);
  CHECK(first.last_spare == 2);
  auto next = query(scope::incomplete, 2);
  next.after_spare = first.last_spare;
  next.after = first.units.back().id;
  auto second = state.query(next);
  CHECK(numbers(second) == std::vector<std::uint64_t>{3});
  CHECK(!second.more);
}

TEST_CASE("units on a node, and known units, are listed by id") {
  auto state = small_state();
  for (std::uint64_t number : {3, 1, 2})
    state.put(unit(number, {1, 2, 3}));
  state.put(unit(4, {2, 3, 4}));
  auto page = state.query(query(scope::on_node, 2, 1));
  CHECK(numbers(page) == std::vector<std::uint64_t>{1, 2});
  CHECK(page.more);
  auto rest = query(scope::on_node, 2, 1);
  rest.after = page.units.back().id;
  CHECK(numbers(state.query(rest)) == std::vector<std::uint64_t>{3});
  auto known = query(scope::known, 3);
  known.ids = {{4, 0}, {9, 0}, {1, 0}};
  CHECK(numbers(state.query(known)) == std::vector<std::uint64_t>{1, 4});
  state.remove({1, 0});
  CHECK(numbers(state.query(known)) == std::vector<std::uint64_t>{4});
}

TEST_CASE("after any commands the lists hold what the records say") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    atl::spi::random_source random{seed};
    auto state = small_state();
    auto node = [&random] { return static_cast<keep::node_id>(random.below(6)); };
    for (auto step = 0; step < 300; ++step) {
      keep::unit_id id{1 + random.below(20), 0};
      switch (random.below(4)) {
      case 0:
        state.put(unit(id.high, {node(), node(), node()}));
        break;
      case 1:
        state.remove(id);
        break;
      case 2: {
        keep::relocation move{{id, static_cast<std::uint32_t>(random.below(3))}, node(), node()};
        state.relocate(1, {&move, 1});
        break;
      }
      default:
        state.set_node_state(node(), static_cast<keep::node_state>(random.below(3)));
      }
      std::uint64_t incomplete = 0;
      std::vector<std::set<keep::unit_id>> on(6);
      for (auto& [known, record] : state.all_units()) {
        incomplete += std::ranges::count(record.nodes, keep::no_node) > 0 ? 1 : 0;
        for (auto holder : record.nodes)
          on[holder].insert(known);
      }
      REQUIRE(state.incomplete_units() == incomplete);
      REQUIRE(state.query(query(scope::incomplete, 0)).units.size() == incomplete);
      for (keep::node_id holder = 1; holder <= 5; ++holder)
        REQUIRE(state.units_on(holder) == on[holder]);
    }
  }
}
