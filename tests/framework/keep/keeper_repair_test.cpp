#include "framework/keep/scripted_storage.hpp"
#include "framework/sim/striped_scheme.hpp"

#include <doctest/doctest.h>

using namespace test;
using work = order::work;
using outcome = order_result::outcome;

namespace {

constexpr timestamp second{1'000'000};

bool has_each_once(const std::vector<node_id>& nodes) {
  auto sorted = nodes;
  std::ranges::sort(sorted);
  return std::ranges::adjacent_find(sorted) == sorted.end() &&
         std::ranges::find(sorted, no_node) == sorted.end();
}

} // namespace

TEST_CASE("a fragment that was never stored is made") {
  scripted_storage world;
  auto unit = world.add(1, {1, 2, no_node});
  world.start();
  world.run(3 * second);
  CHECK(has_each_once(world.places(unit)));
  CHECK(world.noticed(notice::about::mended) == 1);
  CHECK(world.it->report().all.total() == 0);
}

TEST_CASE("nothing is copied while a node is down, and all that it held once it counts as dead") {
  scripted_storage world;
  std::vector<unit_id> units;
  for (std::uint64_t i = 1; i <= 20; ++i)
    units.push_back(world.add(i, {1, 2, 3}));
  world.start();
  world.silent.insert(3);
  world.run(8 * second);
  CHECK(world.ordered(work::copy).empty());
  CHECK(world.it->report().all.degraded == 20);
  world.run(10 * second);
  CHECK(world.nodes[3] == node_state::dead);
  for (auto& unit : units)
    CHECK(world.places(unit) == std::vector<node_id>{1, 2, 4});
  CHECK(world.it->report().all.total() == 0);
  CHECK(world.it->report().nodes[2].is_empty);
}

TEST_CASE("when most nodes are silent at once none counts as dead") {
  scripted_storage world;
  world.add(1, {1, 2, 3});
  world.start();
  world.silent = {1, 2, 3};
  world.run(60 * second);
  CHECK(world.nodes[1] == node_state::active);
  CHECK(world.noticed(notice::about::held_back) == 1);
}

TEST_CASE("a fragment that is made anew goes to a zone with the fewest others of its unit") {
  scripted_storage test{9};
  test.plugins.recovery = std::make_shared<striped_scheme>(6, 4);
  for (node_id id = 1; id <= 9; ++id)
    test.facts[id].domain = (id - 1) / 3; // zones of three nodes
  auto unit = test.add(1, {1, 2, 4, 5, 7, 8});
  node_id expected = 9;
  SUBCASE("which is that of the lost one, with a node that has none") {}
  SUBCASE("or another one, if that has no room left") {
    test.facts[9].free_bytes = 0;
    expected = 3;
  }
  test.start();
  test.silent.insert(8);
  test.run(timestamp{12'000'000});
  auto made = test.ordered(order::work::rebuild);
  REQUIRE(made.size() == 1);
  CHECK(made[0].at == expected);
  CHECK(made[0].senders == 5); // all that this scheme names
  CHECK(test.places(unit)[5] == expected);
}

TEST_CASE("a rebuild may read more than its scheme names, for when a source fails") {
  struct names_four : striped_scheme {
    names_four() : striped_scheme{6, 4} {}
    std::vector<atl::spi::repair_step>
    plan(std::span<const atl::spi::chunk_report> reports) const override {
      auto steps = striped_scheme::plan(reports);
      for (auto& step : steps) {
        step.sources.resize(4);
        step.source_fragments.resize(4);
      }
      return steps;
    }
  };
  scripted_storage test{7};
  test.plugins.recovery = std::make_shared<names_four>();
  test.add(1, {1, 2, 3, 4, 5, no_node});
  test.start();
  auto made = test.ordered(order::work::rebuild);
  REQUIRE(made.size() == 1);
  CHECK(made[0].senders == 4);
  CHECK(made[0].sources.size() == 5);
}

TEST_CASE("units that the next loss would destroy are repaired before all others") {
  scripted_storage world{6};
  for (std::uint64_t i = 1; i <= 30; ++i)
    world.add(i, i % 3 == 0 ? std::vector<node_id>{1, no_node, no_node}
                            : std::vector<node_id>{1, 2, no_node});
  world.setup.settings.repair_rate = 5'000; // five units a second
  world.start();
  world.run(30 * second);
  auto copies = world.ordered(work::copy);
  REQUIRE(copies.size() == 40);
  for (std::size_t i = 0; i < 10; ++i)
    CHECK(copies[i].key.unit.low % 3 == 0);
}

TEST_CASE("repairs keep to their rate") {
  scripted_storage world;
  for (std::uint64_t i = 1; i <= 100; ++i)
    world.add(i, {1, 2, no_node});
  world.setup.settings.repair_rate = 10'000;
  world.start();
  world.run(4 * second);
  auto after = world.ordered(work::copy).size();
  CHECK(after >= 45);
  CHECK(after <= 60);
  world.setup.settings.repair_rate = 0;
  world.it->on_settings(world.setup.settings);
  world.run(second);
  CHECK(world.ordered(work::copy).size() == 100);
}

TEST_CASE("repairs aren't planned while no node may receive more") {
  struct counts_plans : striped_scheme {
    counts_plans() : striped_scheme{3, 1} {}
    std::vector<atl::spi::repair_step>
    plan(std::span<const atl::spi::chunk_report> reports) const override {
      ++plans;
      return striped_scheme::plan(reports);
    }
    mutable int plans = 0;
  };
  scripted_storage world;
  auto scheme = std::make_shared<counts_plans>();
  world.plugins.recovery = scheme;
  for (std::uint64_t i = 1; i <= 40; ++i)
    world.add(i, i % 2 == 0 ? std::vector<node_id>{1, 2, no_node}
                            : std::vector<node_id>{3, 4, no_node});
  world.setup.settings.node_rate = 100; // a unit each ten seconds
  world.start();
  world.run(8 * second);
  CHECK(world.ordered(work::rebuild).size() == 4);
  CHECK(scheme->plans < 12);
  world.run(10 * second);
  CHECK(world.ordered(work::rebuild).size() == 8);
}

TEST_CASE("a node receives and sends only so many fragments at a time") {
  scripted_storage world{5};
  for (std::uint64_t i = 1; i <= 100; ++i)
    world.add(i, {1, 2, no_node});
  world.answers_orders = false;
  world.start();
  world.run(3 * second);
  CHECK(world.waiting.size() == 8); // four from each of the two nodes that have copies
  std::map<node_id, int> in;
  for (auto& each : world.waiting)
    CHECK(++in[each.at] <= 4);
}

TEST_CASE("a copy whose order is lost is ordered again") {
  scripted_storage world;
  auto unit = world.add(1, {1, 2, no_node});
  world.answers_orders = false;
  world.start();
  world.run(5 * second);
  REQUIRE(world.waiting.size() == 1);
  world.answers_orders = true;
  world.run(90 * second);
  CHECK(has_each_once(world.places(unit)));
}

TEST_CASE("what is mended where it was counts as whole although the state doesn't change") {
  scripted_storage world;
  auto unit = world.add(1, {1, 2, 3});
  world.start();
  world.answers_orders = false;
  world.facts[4].takes_data = false; // so that the copy goes where the damaged one was
  world.it->on_fragment(3, {unit, 2}, fragment_condition::damaged);
  world.run(5 * second);
  REQUIRE(world.ordered(work::copy).size() == 1);
  CHECK(world.ordered(work::copy)[0].at == 3);
  CHECK(world.it->report().all.degraded == 1);
  world.answer(world.ordered(work::copy)[0], outcome::done);
  world.run(5 * second);
  CHECK(world.it->report().all.total() == 0);
  CHECK(!world.it->report().is_outdated);
}

TEST_CASE("a relocation that took effect without an answer doesn't have its fragment made again") {
  scripted_storage world{9};
  world.plugins.recovery = std::make_shared<striped_scheme>(6, 4);
  auto unit = world.add(1, {1, no_node, 3, no_node, 5, 6});
  world.answers_orders = false;
  world.start();
  auto made = world.ordered(work::rebuild);
  REQUIRE(made.size() == 2);
  world.loses_outcomes = true;
  world.answer(made[0], outcome::done);
  world.run(timestamp{100'000});
  world.loses_outcomes = false;
  world.answer(made[1], outcome::done);
  world.run(5 * second);
  CHECK(world.ordered(work::rebuild).size() == 2);
  CHECK(has_each_once(world.places(unit)));
  CHECK(world.it->report().all.total() == 0);
}

TEST_CASE("what a node was ordered is ordered again as soon as its process is another one") {
  scripted_storage world;
  auto damaged = world.add(1, {1, 2, 3});
  auto suspected = world.add(2, {1, 2, 3});
  world.start();
  world.answers_orders = false;
  world.held[4][{{3, 3}, 0}] = 7; // nothing refers to that
  world.it->on_fragment(3, {damaged, 2}, fragment_condition::damaged);
  world.it->request_verify({&suspected, 1});
  world.it->request_audit();
  world.run(second);
  REQUIRE(world.ordered(work::copy).size() == 1);
  REQUIRE(world.ordered(work::verify).size() == 3);
  REQUIRE(world.ordered(work::remove).size() == 1);
  world.run(3 * second);
  CHECK(world.orders.size() == 5); // a process has time for its orders

  SUBCASE("") {
    world.answers_orders = true;
  }
  SUBCASE("also if it ends as well") {}
  for (node_id id : {3, 4})
    ++world.incarnations[id];
  world.run(3 * second);
  CHECK(world.ordered(work::copy).size() == 2);
  auto again = std::ranges::count_if(world.ordered(work::verify), [&](auto& each) {
    return each.at == 3 && each.key.unit == suspected;
  });
  CHECK(again == 2);
  CHECK(world.ordered(work::remove).size() == 2);
  if (!world.answers_orders)
    return;
  world.run(5 * second);
  CHECK(world.it->report().all.total() == 0);
  CHECK(world.it->report().tasks == 0);
  CHECK(world.held[4].empty());
}

TEST_CASE("what is on its way to a node that counts as dead goes to another one at once") {
  scripted_storage world{5};
  world.add(1, {1, 2, no_node});
  world.answers_orders = false;
  world.start();
  REQUIRE(world.ordered(work::copy).size() == 1);
  auto first = world.ordered(work::copy)[0].at;
  world.silent.insert(first);
  world.answers_orders = true;
  world.run(15 * second);
  CHECK(world.nodes[first] == node_state::dead);
  REQUIRE(world.ordered(work::copy).size() == 2);
  CHECK(world.ordered(work::copy)[1].at != first);
  CHECK(world.it->report().all.total() == 0);
}

TEST_CASE("a damaged fragment is replaced where it was, from a copy in order") {
  scripted_storage world;
  auto unit = world.add(1, {1, 2, 3});
  world.start();
  world.held[2].erase({unit, 1});
  world.it->on_fragment(2, {unit, 1}, fragment_condition::damaged);
  world.run(second);
  auto copies = world.ordered(work::copy);
  REQUIRE(copies.size() == 1);
  for (auto& source : copies[0].sources)
    CHECK(source.node != 2);
  CHECK(world.noticed(notice::about::damaged) == 1);
  CHECK(world.noticed(notice::about::mended) == 1);
  CHECK(has_each_once(world.places(unit)));
  CHECK(world.it->report().damaged_known == 0);
}

TEST_CASE("what one node says of another's fragment is verified there, not believed") {
  scripted_storage world;
  auto unit = world.add(1, {1, 2, no_node});
  world.answers_orders = false;
  world.start();
  world.run(second);
  REQUIRE(world.waiting.size() == 1);
  world.answers_orders = true;
  world.answer(world.waiting.front(), outcome::source_failed, 1);
  world.run(5 * second);
  auto verified = world.ordered(work::verify);
  REQUIRE(verified.size() >= 1);
  CHECK(verified[0].at == 1);
  CHECK(has_each_once(world.places(unit)));
  CHECK(world.it->report().found_damaged == 0);
}

TEST_CASE("a unit whose last copies are gone is lost, and nothing is ordered for it") {
  scripted_storage world;
  world.add(1, {no_node, no_node, no_node});
  world.start();
  world.run(5 * second);
  CHECK(world.orders.empty());
  CHECK(world.it->report().all.lost == 1);
}

TEST_CASE("a unit that can't be read is told of once, and once more when it can be read again") {
  scripted_storage world{3};
  world.add(1, {1, 2, 3});
  world.start();
  world.silent = {1, 2, 3};
  world.run(20 * second);
  CHECK(world.it->report().all.lost == 1);
  CHECK(world.noticed(notice::about::unreadable) == 1);
  CHECK(world.noticed(notice::about::readable) == 0);
  world.silent.clear();
  world.run(20 * second);
  CHECK(world.it->report().all.lost == 0);
  CHECK(world.noticed(notice::about::unreadable) == 1);
  CHECK(world.noticed(notice::about::readable) == 1);
}

TEST_CASE("of very many units that can't be read some are told of, and all are counted") {
  scripted_storage world{3};
  for (std::uint64_t i = 1; i <= 1500; ++i)
    world.add(i, {1, 2, 3});
  world.start();
  world.silent = {1, 2, 3};
  world.run(20 * second);
  CHECK(world.it->report().all.lost == 1500);
  CHECK(world.noticed(notice::about::unreadable) == 1000);
  world.silent.clear();
  world.run(20 * second);
  CHECK(world.noticed(notice::about::readable) == 1000);
}

TEST_CASE("a dead node that returns counts again, with what it still has") {
  scripted_storage world{3};
  auto unit = world.add(1, {1, 2, 3});
  world.start();
  world.silent.insert(3);
  world.run(20 * second);
  REQUIRE(world.nodes[3] == node_state::dead);
  CHECK(world.it->report().stuck_units == 1); // there is no fourth node
  world.silent.clear();
  world.run(5 * second);
  CHECK(world.nodes[3] == node_state::active);
  CHECK(world.places(unit) == std::vector<node_id>{1, 2, 3});
  CHECK(world.it->report().all.total() == 0);
}

TEST_CASE("a node that comes and goes is given more time after each return") {
  scripted_storage world;
  world.add(1, {1, 2, 3});
  world.start();
  auto dead_after = [&] { return world.it->report().nodes[2].dead_after; };
  auto before = dead_after();
  for (int i = 0; i < 5; ++i) {
    world.silent.insert(3);
    world.run(4 * second);
    world.silent.clear();
    world.run(6 * second);
  }
  CHECK(dead_after() == before * 16);
}

TEST_CASE(
    "all that a draining node has is moved, and its copies are removed after the grace time") {
  scripted_storage world;
  std::vector<unit_id> units;
  for (std::uint64_t i = 1; i <= 50; ++i)
    units.push_back(world.add(i, {1, 2, 3}));
  world.setup.settings.audit_pause = second;
  world.start();
  world.nodes[3] = node_state::draining;
  world.tell_nodes();
  world.run(4 * second);
  for (auto& unit : units)
    CHECK(world.places(unit) == std::vector<node_id>{1, 2, 4});
  CHECK(world.held[3].size() == 50);
  world.run(15 * second);
  CHECK(world.held[3].empty());
  CHECK(world.noticed(notice::about::drained) == 1);
  CHECK(world.it->report().nodes[2].is_empty);
}

TEST_CASE("an overfull node is relieved until it is near to the mean") {
  scripted_storage world;
  for (std::uint64_t i = 1; i <= 400; ++i)
    world.add(i, {1, 2, 3});
  world.setup.settings.rebalance_threshold = 0.1;
  world.facts[3].used_bytes = 500'000;
  world.facts[4] = {4'000'000, 4'000'000, 0, 0, 4, 1, 0, true};
  world.answers_lists = false;
  world.start();
  // The mean use is 10 %, so 35 % of the capacity are to leave.
  auto plan = world.it->plan_rebalance();
  REQUIRE(plan.moves.size() == 1);
  CHECK(plan.moves[0].from == 3);
  CHECK(plan.moves[0].to == 4);
  CHECK(plan.bytes == 350'000);
  world.answers_lists = true;
  world.run(4 * second);
  // Nothing more leaves while the copies that were left behind wait for their removal, nor later.
  CHECK(world.ordered(work::remove).empty());
  CHECK(world.ordered(work::copy).size() == 350);
  world.run(60 * second);
  CHECK(world.held[3].size() == 50);
  auto copies = world.ordered(work::copy);
  CHECK(copies.size() == 350);
  for (auto& each : copies)
    CHECK(each.sources.front().node == 3);
  CHECK(world.it->plan_rebalance().moves.empty());
}

TEST_CASE("an overfull node waits until an audit has told what it holds, and is relieved slowly") {
  scripted_storage world;
  for (std::uint64_t i = 1; i <= 400; ++i)
    world.add(i, {1, 2, 3});
  world.setup.settings.rebalance_threshold = 0.1;
  world.setup.settings.rebalance_rate = 10'000;
  world.facts[3].used_bytes = 500'000;
  world.facts[4] = {4'000'000, 4'000'000, 0, 0, 4, 1, 0, true};
  world.answers_lists = false;
  world.start();
  world.run(5 * second);
  CHECK(world.it->plan_rebalance().waits_for_audit);
  CHECK(world.ordered(work::copy).empty());
  world.answers_lists = true;
  world.run(4 * second);
  CHECK_FALSE(world.it->plan_rebalance().waits_for_audit);
  world.orders.clear();
  world.run(5 * second);
  CHECK(world.ordered(work::copy).size() >= 45);
  CHECK(world.ordered(work::copy).size() <= 55);
}

TEST_CASE("units without a place for their fragments don't keep an overfull node from its relief") {
  scripted_storage world;
  for (std::uint64_t i = 1; i <= 300; ++i)
    world.add(i, {1, 3, 4}); // only node 2, which is above the mean, could take them
  for (std::uint64_t i = 301; i <= 600; ++i)
    world.add(i, {1, 2, 3});
  world.setup.settings.rebalance_threshold = 0.1;
  world.setup.settings.rebalance_rate = 50'000;
  world.facts[3].used_bytes = 500'000;
  world.facts[2].used_bytes = 300'000;
  world.start();
  world.run(8 * second);
  auto copies = world.ordered(work::copy);
  CHECK(copies.size() > 130); // all that node 4 may take
  for (auto& each : copies)
    CHECK(each.at == 4);
}

TEST_CASE("a keeper that doesn't lead any more does nothing") {
  scripted_storage world;
  world.add(1, {1, 2, no_node});
  world.answers_orders = false;
  world.start();
  REQUIRE(world.waiting.size() == 1);
  world.it->on_follow();
  world.run(100 * second);
  CHECK(world.orders.size() == 1);
  CHECK(world.it->report().leads == false);
}

TEST_CASE("a policy whose plugins aren't known holds its units up, and says so") {
  scripted_storage world;
  world.add(1, {1, 2, no_node});
  world.setup.plugins_of = [](policy_id) { return nullptr; };
  world.start();
  world.run(2 * second);
  CHECK(world.orders.empty());
  CHECK(world.it->report().problem.find("policy 1") != std::string::npos);
}
