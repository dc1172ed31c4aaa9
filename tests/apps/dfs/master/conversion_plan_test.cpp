#include "master/conversion_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace dfs;
using atl::errc;
using protocol::conversion_outcome;
using std::chrono::seconds;

namespace {

using item = responses::unconverted_page::item;

chunk_record chunk(std::uint64_t number, policy_id policy = 1) {
  return {{1, number}, 100, {1, 2}, 5, policy};
}

item part_of(inode_id file, const chunk_record& of, policy_id to = 2) {
  return {file, 1, 0, 100, of, to};
}

responses::unconverted_page page(std::vector<item> items, bool more = false) {
  responses::unconverted_page made;
  made.items = std::move(items);
  made.more = more;
  if (more)
    made.next = {{7, "name"}};
  return made;
}

/// A plan with one conversion, of a directory.
struct world {
  world() {
    plan.begin_term(3);
    plan.set_conversions({directory});
  }

  /// Answers the next page, which must be wanted.
  void look(responses::unconverted_page found) {
    auto wanted = plan.next_page(now);
    REQUIRE(wanted.has_value());
    CHECK(wanted->what.under == place{10, {}});
    plan.on_page(wanted->run, std::move(found), now);
    finished(0);
  }
  /// The pass that counts, then the same page for the one that converts.
  void find(const std::vector<item>& items) {
    look(page(items));
    look(page(items));
  }
  void finished(std::size_t count) { CHECK(plan.take_finished(now).size() == count); }

  protocol::conversion_response ask(const std::string& node, std::uint32_t free = 1,
                                    std::vector<protocol::conversion_result> done = {}) {
    return plan.answer({node, std::move(done), free}, now);
  }
  protocol::conversion_order order(const std::string& node) {
    auto answer = ask(node);
    REQUIRE(answer.orders.size() == 1);
    return answer.orders.front();
  }
  static protocol::conversion_result stored(const protocol::conversion_order& by,
                                            std::uint64_t number) {
    return {by.id, by.term, conversion_outcome::stored, {chunk(number, by.policy)}, {}};
  }
  /// Commits all that is to be committed. @returns it
  std::vector<conversion_plan::commit> commit(const atl::status& outcome = {}) {
    auto all = plan.take_commits();
    for (auto& each : all)
      plan.on_committed(each.id, outcome, now);
    return all;
  }

  const conversion directory{10, {root_inode, "a"}, false, 5};
  steady_time now = steady_time{} + seconds{1000};
  conversion_plan plan;
};

} // namespace

TEST_CASE("a conversion counts, then has each chunk stored once, and is over when a look finds "
          "nothing") {
  world it;
  it.look(page({part_of(20, chunk(1))}, true));
  auto following = it.plan.next_page(it.now);
  REQUIRE(following.has_value());
  CHECK(following->what.after == page({}, true).next);
  it.plan.on_page(following->run, page({part_of(21, chunk(2))}), it.now);
  CHECK(it.ask("one").orders.empty()); // only counted
  it.finished(0);
  it.look(page({part_of(20, chunk(1)), part_of(21, chunk(2))}));
  CHECK(it.plan.views().at(0).chunks_left == 2);
  CHECK(it.plan.views().at(0).is_counted);
  auto first = it.order("one");
  auto second = it.order("two");
  CHECK(first.chunk == chunk(1));
  CHECK(first.policy == 2);
  CHECK(it.ask("three").orders.empty());
  it.ask("one", 0, {world::stored(first, 11)});
  auto commits = it.commit();
  REQUIRE(commits.size() == 1);
  CHECK(commits[0].what.inode == 20);
  CHECK(commits[0].what.from == chunk(1).id);
  CHECK(commits[0].what.to == std::vector{chunk(11, 2)});
  CHECK(commits[0].what.policy == 2);
  it.finished(0);
  CHECK_FALSE(it.plan.next_page(it.now)); // before the pass is through
  it.ask("two", 0, {world::stored(second, 12)});
  it.commit();
  CHECK(it.plan.views().at(0).chunks == 2);
  CHECK(it.plan.views().at(0).bytes_left == 0);
  it.finished(0);
  auto last = it.plan.next_page(it.now);
  REQUIRE(last.has_value());
  it.plan.on_page(last->run, page({}), it.now);
  it.finished(1);
}

TEST_CASE("a conversion that finds nothing is over after its first look") {
  world it;
  auto only = it.plan.next_page(it.now);
  REQUIRE(only.has_value());
  CHECK_FALSE(it.plan.next_page(it.now)); // asked for
  it.plan.on_page(only->run, page({}), it.now);
  it.finished(1);
}

TEST_CASE("a chunk that several files share is stored once, also for those that are found later") {
  world it;
  it.find({part_of(20, chunk(1)), part_of(21, chunk(1))});
  auto only = it.order("one");
  CHECK(it.ask("two").orders.empty());
  it.ask("one", 0, {world::stored(only, 11)});
  CHECK(it.commit().size() == 2);
  it.finished(0);
  it.look(page({part_of(22, chunk(1))}));
  CHECK(it.ask("one").orders.empty());
  auto later = it.plan.take_commits();
  REQUIRE(later.size() == 1);
  CHECK(later[0].what.to == std::vector{chunk(11, 2)});
  SUBCASE("if what was stored is gone by now, it is stored again") {
    it.plan.on_committed(later[0].id, atl::fail(errc::refused, "collected"), it.now);
    it.finished(0);
    it.now += seconds{11};
    it.look(page({part_of(22, chunk(1))}));
    CHECK(it.order("one").chunk == chunk(1));
  }
}

TEST_CASE("a node that doesn't answer loses its chunk to another one, and its late answer counts "
          "for nothing") {
  world it;
  it.find({part_of(20, chunk(1))});
  auto lost = it.order("one");
  it.now += seconds{59};
  CHECK(it.ask("two").orders.empty());
  it.now += seconds{1};
  auto again = it.order("two");
  CHECK(again.chunk == chunk(1));
  it.ask("one", 0, {world::stored(lost, 11)});
  CHECK(it.commit().empty());
  it.ask("two", 0, {world::stored(again, 12)});
  CHECK(it.commit().size() == 1);
}

TEST_CASE("results of another term, of no order and of another shape change no file") {
  world it;
  it.find({part_of(20, chunk(1))});
  auto order = it.order("one");
  auto other_term = world::stored(order, 11);
  other_term.term = 2;
  auto unknown = world::stored(order, 11);
  unknown.id = 1234;
  it.ask("one", 0, {other_term, unknown});
  CHECK(it.commit().empty());
  auto wrong = world::stored(order, 11);
  SUBCASE("too short") {
    wrong.stored.front().size_bytes = 99;
  }
  SUBCASE("too long") {
    wrong.stored.push_back(chunk(12, 2));
  }
  SUBCASE("of another policy") {
    wrong.stored.front().policy = 1;
  }
  SUBCASE("nothing") {
    wrong.stored.clear();
  }
  it.ask("one", 0, {wrong});
  CHECK(it.commit().empty());
  CHECK(it.plan.views().at(0).failures == 1);
}

TEST_CASE("what failed is tried again after a pause, and told") {
  world it;
  it.find({part_of(20, chunk(1)), part_of(21, chunk(2))});
  auto first = it.order("one");
  auto second = it.order("one");
  it.ask("one", 0, {{first.id, first.term, conversion_outcome::failed, {}, "no node is up"}});
  it.ask("one", 0, {{second.id, second.term, conversion_outcome::gone, {}, {}}});
  auto view = it.plan.views().at(0);
  CHECK(view.failures == 1);
  CHECK(view.problem == "one: no node is up");
  it.finished(0);
  CHECK_FALSE(it.plan.next_page(it.now));
  it.now += seconds{10};
  it.look(page({part_of(20, chunk(1))}));
  auto again = it.order("one");
  it.ask("one", 0, {world::stored(again, 11)});
  it.commit();
  it.finished(0);
  auto last = it.plan.next_page(it.now);
  REQUIRE(last.has_value());
  it.plan.on_page(last->run, page({}), it.now);
  it.finished(1);
}

TEST_CASE("no more than the rate is given out") {
  world it;
  it.plan.set_rate(100, it.now); // a chunk a second
  it.find({part_of(20, chunk(1)), part_of(21, chunk(2)), part_of(22, chunk(3))});
  it.now += seconds{1};
  CHECK(it.ask("one", 3).orders.size() == 1);
  CHECK(it.ask("two", 3).orders.empty());
  it.now += seconds{1};
  CHECK(it.ask("two", 3).orders.size() == 1);
}

TEST_CASE("no more is replaced than may wait for collection, and the rest is collected at the "
          "end") {
  world it;
  it.plan.set_uncollected_max(100);
  it.find({part_of(20, chunk(1)), part_of(21, chunk(2))});
  auto first = it.order("one");
  it.ask("one", 0, {world::stored(first, 11)});
  CHECK_FALSE(it.plan.wants_collection());
  it.commit();
  CHECK(it.plan.wants_collection());
  CHECK(it.ask("one").orders.empty());
  it.plan.on_collected();
  CHECK_FALSE(it.plan.wants_collection());
  it.plan.set_uncollected_max(1000);
  auto second = it.order("one");
  it.ask("one", 0, {world::stored(second, 12)});
  it.commit();
  CHECK_FALSE(it.plan.wants_collection());
  it.plan.set_conversions({});
  CHECK(it.plan.wants_collection());
}

TEST_CASE("a conversion that is stopped gives out nothing more, and nothing of it is committed") {
  world it;
  it.find({part_of(20, chunk(1)), part_of(21, chunk(2))});
  auto given = it.order("one");
  it.plan.set_conversions({});
  CHECK_FALSE(it.plan.is_active());
  auto answer = it.ask("one", 1, {world::stored(given, 11)});
  CHECK(answer.orders.empty());
  CHECK(answer.is_over);
  CHECK(it.commit().empty());
  CHECK(it.plan.views().empty());
}

TEST_CASE("a file with several names is stored by the policy of the first one that was seen") {
  world it;
  auto here = part_of(20, chunk(1), 2);
  auto there = part_of(20, chunk(1), 3);
  here.links = there.links = 2;
  it.find({here, there});
  auto order = it.order("one");
  CHECK(order.policy == 2);
  CHECK(it.ask("one").orders.empty());
  it.ask("one", 0, {world::stored(order, 11)});
  it.commit();
  auto wanted = it.plan.next_page(it.now);
  it.finished(0);
  wanted = it.plan.next_page(it.now);
  REQUIRE(wanted.has_value());
  auto back = part_of(20, chunk(11, 2), 3);
  back.links = 2;
  it.plan.on_page(wanted->run, page({back}), it.now);
  it.finished(1);
}

TEST_CASE("a file without chunks takes the policy on without an order") {
  world it;
  it.find({{20, 1, 0, 0, {}, 2}});
  CHECK(it.ask("one").orders.empty());
  auto commits = it.commit();
  REQUIRE(commits.size() == 1);
  CHECK(commits[0].what.to.empty());
  CHECK(commits[0].what.policy == 2);
}

TEST_CASE("a conversion of what was removed is over, and an error is asked about again") {
  world it;
  auto wanted = it.plan.next_page(it.now);
  REQUIRE(wanted.has_value());
  SUBCASE("removed") {
    it.plan.on_page(wanted->run, atl::fail(errc::not_found, "no such inode"), it.now);
    it.finished(1);
  }
  SUBCASE("an error") {
    it.plan.on_page(wanted->run, atl::fail(errc::timeout, "no answer"), it.now);
    it.finished(0);
    CHECK_FALSE(it.plan.next_page(it.now));
    it.now += seconds{1};
    CHECK(it.plan.next_page(it.now));
  }
}

TEST_CASE("a new term forgets all orders") {
  world it;
  it.find({part_of(20, chunk(1))});
  auto order = it.order("one");
  it.plan.begin_term(4);
  CHECK_FALSE(it.plan.is_active());
  it.plan.set_conversions({it.directory});
  it.ask("one", 0, {world::stored(order, 11)});
  CHECK(it.commit().empty());
}

TEST_CASE("a conversion that is ordered again while it is under way begins again, and ends") {
  world it;
  it.find({part_of(20, chunk(1)), part_of(21, chunk(2))});
  auto first = it.order("one");
  auto second = it.order("two");
  it.ask("one", 0, {world::stored(first, 11)});
  auto committing = it.plan.take_commits();
  REQUIRE(committing.size() == 1);
  auto again = it.directory;
  again.begun_us = 6;
  it.plan.set_conversions({again});
  it.plan.on_committed(committing[0].id, {}, it.now);
  it.ask("two", 0, {world::stored(second, 12)});
  CHECK(it.commit().empty());
  it.find({part_of(21, chunk(2))});
  CHECK(it.plan.views().at(0).chunks == 0);
  auto rest = it.order("two");
  it.ask("two", 0, {world::stored(rest, 13)});
  CHECK(it.commit().size() == 1);
  it.finished(0);
  auto last = it.plan.next_page(it.now);
  REQUIRE(last.has_value());
  it.plan.on_page(last->run, page({}), it.now);
  it.finished(1);
}

TEST_CASE("a page that was asked for before a conversion was ordered again says nothing of it") {
  world it;
  auto former = it.plan.next_page(it.now);
  REQUIRE(former.has_value());
  SUBCASE("by an operator") {
    auto again = it.directory;
    again.begun_us = 6;
    it.plan.set_conversions({again});
  }
  SUBCASE("as another term has begun") {
    it.plan.begin_term(4);
    it.plan.set_conversions({it.directory});
  }
  it.plan.on_page(former->run, page({}), it.now);
  it.finished(0);
  auto fresh = it.plan.next_page(it.now);
  REQUIRE(fresh.has_value());
  it.plan.on_page(fresh->run, page({}), it.now);
  it.finished(1);
}

TEST_CASE("what other leaders have replaced is collected at the end, also if nothing is left to "
          "convert") {
  world it;
  CHECK_FALSE(it.plan.wants_collection());
  auto only = it.plan.next_page(it.now);
  REQUIRE(only.has_value());
  it.plan.on_page(only->run, page({}), it.now);
  it.finished(1);
  CHECK_FALSE(it.plan.wants_collection());
  it.plan.set_conversions({});
  CHECK(it.plan.wants_collection());
  it.plan.on_collected();
  it.plan.set_conversions({it.directory});
  it.plan.set_conversions({});
  CHECK_FALSE(it.plan.wants_collection()); // no other leader since
}
