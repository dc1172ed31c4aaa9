#include "framework/keep/scripted_storage.hpp"

#include <doctest/doctest.h>

using namespace test;
using work = order::work;

namespace {

constexpr timestamp second{1'000'000};

/// A cluster that is audited each second while anything changes.
struct busy_storage : scripted_storage {
  explicit busy_storage(node_id count = 4) : scripted_storage{count} {
    setup.settings.audit_pause = second;
  }
};

} // namespace

TEST_CASE("a fragment that a node's list lacks is verified, and made again once the node says so") {
  busy_storage world;
  auto unit = world.add(1, {1, 2, 3});
  world.held[2].erase({unit, 1});
  world.start();
  world.run(5 * second);
  REQUIRE(world.ordered(work::verify).size() == 1);
  CHECK(world.ordered(work::verify)[0].at == 2);
  CHECK(world.ordered(work::copy).size() == 1);
  CHECK(world.noticed(notice::about::missing) == 1);
  CHECK(world.held[2].contains({unit, 1}));
}

TEST_CASE("a fragment whose unit the state doesn't know is removed, by its generation") {
  busy_storage world;
  fragment_key orphan{{5, 5}, 0};
  world.held[2][orphan] = 77;
  world.start();
  world.run(5 * second);
  auto removed = world.ordered(work::remove);
  REQUIRE(removed.size() == 1);
  CHECK(removed[0].at == 2);
  CHECK(removed[0].generation == 77);
  CHECK(world.held[2].empty());
  CHECK(world.it->report().fragments_removed == 1);
}

TEST_CASE("fragments of young units are left alone, until the watermark passes them") {
  busy_storage world;
  fragment_key young{{2'000, 1}, 0}; // the watermark is 1,000
  world.held[2][young] = 77;
  world.start();
  world.run(20 * second);
  CHECK(world.ordered(work::remove).empty());
  world.it->on_watermark({3'000, 0});
  world.run(5 * second);
  CHECK(world.ordered(work::remove).size() == 1);
}

TEST_CASE("a surplus copy stays while its unit lacks others") {
  busy_storage world{3};
  auto unit = world.add(1, {1, 2, no_node});
  world.facts[3].takes_data = false; // the third copy can't be made anywhere
  world.held[3][{unit, 0}] = 50;
  world.start();
  world.run(20 * second);
  CHECK(world.ordered(work::remove).empty());
  world.facts[3].takes_data = true;
  world.run(20 * second);
  CHECK(world.ordered(work::remove).size() == 1);
  CHECK(world.places(unit) == std::vector<node_id>{1, 2, 3});
}

TEST_CASE("a copy that a node still has is taken up again instead of being made anew") {
  busy_storage world{3};
  auto unit = world.add(1, {1, 2, no_node});
  world.facts[3].free_bytes = 0; // so that the repair can't come first
  world.held[3][{unit, 2}] = 50;
  world.start();
  world.run(10 * second);
  CHECK(world.ordered(work::copy).empty());
  CHECK(world.places(unit) == std::vector<node_id>{1, 2, 3});
  CHECK(world.noticed(notice::about::adopted) == 1);
}

TEST_CASE("a copy isn't removed while a command that takes it up is under way") {
  busy_storage world{4};
  auto unit = world.add(1, {1, 2, no_node});
  for (auto& [id, facts] : world.facts)
    facts.free_bytes = 0; // so that nothing is made anew
  world.held[3][{unit, 2}] = 50;
  world.holds_back = true;
  world.start();
  world.run(10 * second);
  REQUIRE(world.held_back);
  // Meanwhile the unit is whole by another command.
  world.units[unit].nodes[2] = 4;
  world.held[4][{unit, 2}] = 60;
  world.tell_state();
  world.it->request_audit();
  world.run(20 * second);
  CHECK(world.ordered(work::remove).empty());
}

TEST_CASE("a damaged copy isn't taken up again") {
  busy_storage world{3};
  auto unit = world.add(1, {1, 2, no_node});
  world.facts[3].free_bytes = 0;
  world.held[3][{unit, 2}] = 50;
  world.damaged.insert({3, {unit, 2}});
  world.start();
  world.run(10 * second);
  CHECK(world.places(unit) == std::vector<node_id>{1, 2, no_node});
}

TEST_CASE("no fragment goes to a node that has an order to remove one of the same unit") {
  busy_storage world{3};
  auto unit = world.add(1, {1, 2, 3});
  world.answers_orders = false;
  world.start();
  world.held[3][{unit, 0}] = 50; // surplus, of another index
  world.tell_state();
  world.run(10 * second);
  REQUIRE(world.ordered(work::remove).size() == 1);
  world.it->on_fragment(3, {unit, 2}, fragment_condition::stored);
  world.units[unit].nodes[2] = no_node;
  world.tell_state();
  world.run(5 * second);
  CHECK(world.ordered(work::copy).empty());
  world.answer(world.ordered(work::remove)[0], order_result::outcome::done);
  world.run(5 * second);
  CHECK(world.ordered(work::copy).size() == 1);
}

TEST_CASE("an idle cluster is audited once a period, a busy one after each pause") {
  busy_storage world;
  world.add(1, {1, 2, 3});
  world.start();
  world.run(100 * second);
  auto slices = [&] {
    auto before = world.slices;
    world.run(20 * second);
    return world.slices - before;
  };
  CHECK(slices() == 0);
  world.tell_state();
  CHECK(slices() == 4);
}

TEST_CASE("a requested round of audits ends when all nodes that are up were audited") {
  busy_storage world;
  world.add(1, {1, 2, 3});
  world.start();
  world.run(10 * second);
  world.silent.insert(4);
  world.run(4 * second);
  auto round = world.it->request_audit();
  CHECK(world.it->report().audit_round < round);
  world.run(3 * second);
  CHECK(world.it->report().audit_round == round);
}

TEST_CASE(
    "a node whose process ended while it was audited is audited again as soon as it is back") {
  scripted_storage world;
  world.start();
  world.run(5 * second);
  world.loses_queries.insert(2);
  auto round = world.it->request_audit();
  world.run(5 * second);
  CHECK(world.it->report().audit_round < round);
  world.loses_queries.clear();
  ++world.incarnations[2];
  world.run(5 * second);
  CHECK(world.it->report().audit_round == round);
}

TEST_CASE("all fragments of a unit are verified on request") {
  busy_storage world;
  auto unit = world.add(1, {1, 2, 3});
  world.start();
  world.damaged.insert({2, {unit, 1}});
  world.it->request_verify(std::vector{unit});
  world.run(3 * second);
  CHECK(world.ordered(work::verify).size() == 3);
  CHECK(world.noticed(notice::about::damaged) == 1);
  CHECK(world.noticed(notice::about::mended) == 1);
  CHECK(world.it->report().verifications == 0);
}

TEST_CASE("a new leader works off nothing of an earlier one, and fences it off first") {
  busy_storage world;
  auto unit = world.add(1, {1, 2, no_node});
  world.answers_orders = false;
  world.start();
  REQUIRE(world.waiting.size() == 1);
  auto old = world.waiting.front();
  world.it->on_follow();
  world.term = 2;
  world.answers_orders = true;
  world.lead();
  world.run(second);
  CHECK(world.relocation_term == 2);
  world.answer(old, order_result::outcome::done); // too late: nobody waits for this
  world.run(30 * second);
  auto places = world.places(unit);
  CHECK(std::ranges::find(places, no_node) == places.end());
}

TEST_CASE("of two fragments of a unit that a node still has, one is wanted again") {
  busy_storage world{2};
  auto unit = world.add(1, {1, no_node, no_node});
  world.held[2][{unit, 1}] = 77;
  world.held[2][{unit, 2}] = 78;
  world.facts[2].free_bytes = 0; // so that a repair can't come first
  world.start();
  world.run(5 * second);
  CHECK(world.noticed(notice::about::adopted) == 1);
  CHECK(std::ranges::count(world.places(unit), 2U) == 1);
}

TEST_CASE("a copy isn't wanted again at a node that has meanwhile got another one of its unit") {
  busy_storage world{2};
  auto unit = world.add(1, {1, no_node, no_node});
  world.held[2][{unit, 1}] = 77;
  world.held[2][{unit, 2}] = 78;
  world.facts[2].free_bytes = 0;
  world.answers_orders = false;
  world.start();
  world.run(2 * second);
  auto verified = world.ordered(work::verify);
  REQUIRE(verified.size() == 2);
  world.answer(verified[0], order_result::outcome::done);
  world.run(timestamp{100'000});
  CHECK(world.noticed(notice::about::adopted) == 1);
  world.answer(verified[1], order_result::outcome::done);
  world.run(timestamp{100'000});
  CHECK(std::ranges::count(world.places(unit), 2U) == 1);
}
