#include "keep/repair_queue.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace atl::keep;
using attempt = repair_queue::attempt;

namespace {

repair_queue::entry entry(std::uint64_t unit, repair_queue::danger rank, node_id sender = 1,
                          std::uint64_t seen = 1) {
  repair_queue::entry made;
  made.unit.id = {0, unit};
  made.rank = rank;
  made.sender = sender;
  made.bytes = 10;
  made.seen = seen;
  return made;
}

std::vector<std::uint64_t> take_all(repair_queue& queue,
                                    repair_queue::danger rank_max = repair_queue::rebalance) {
  std::vector<std::uint64_t> taken;
  queue.offer(rank_max, [&](const repair_queue::entry& next) {
    taken.push_back(next.unit.id.low);
    return attempt::started;
  });
  return taken;
}

using numbers = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("the most endangered units come first, whenever they were added") {
  repair_queue queue;
  queue.push(entry(1, 2));
  queue.push(entry(2, repair_queue::drain));
  queue.push(entry(3, 0));
  queue.push(entry(4, 1));
  CHECK(queue.has_most_endangered());
  CHECK(take_all(queue) == numbers{3, 4, 1, 2});
  CHECK(queue.size() == 0);
  CHECK(queue.bytes() == 0);
  CHECK_FALSE(queue.has_most_endangered());
}

TEST_CASE("senders take turns within one degree of danger") {
  repair_queue queue;
  for (std::uint64_t unit : {1, 2, 3})
    queue.push(entry(unit, 1, 7));
  for (std::uint64_t unit : {4, 5})
    queue.push(entry(unit, 1, 8));
  CHECK(take_all(queue) == numbers{1, 4, 2, 5, 3});
}

TEST_CASE("a busy sender doesn't hold up the others") {
  repair_queue queue;
  queue.push(entry(1, 1, 7));
  queue.push(entry(2, 1, 8));
  queue.push(entry(3, 1, 8));
  numbers taken;
  queue.offer(repair_queue::rebalance, [&](const repair_queue::entry& next) {
    if (next.sender == 7)
      return attempt::sender_busy;
    taken.push_back(next.unit.id.low);
    return attempt::started;
  });
  CHECK(taken == numbers{2, 3});
  CHECK(queue.size() == 1);
}

TEST_CASE("a unit that becomes more endangered moves forward, and is offered once") {
  repair_queue queue;
  queue.push(entry(1, 2));
  queue.push(entry(2, 2));
  queue.push(entry(2, 0));
  CHECK(queue.size() == 2);
  CHECK(take_all(queue) == numbers{2, 1});
}

TEST_CASE("only units up to the wanted danger are offered") {
  repair_queue queue;
  queue.push(entry(1, 1));
  queue.push(entry(2, 0));
  CHECK(take_all(queue, 0) == numbers{2});
  CHECK(queue.contains({0, 1}));
}

TEST_CASE("repairs that a search didn't find again are dropped, moves aren't") {
  repair_queue queue;
  queue.push(entry(1, 1, 1, 3));
  queue.push(entry(2, 1, 1, 4));
  queue.push(entry(3, repair_queue::drain, 1, 0));
  queue.erase_repairs_seen_before(4);
  CHECK(take_all(queue) == numbers{2, 3});
}

TEST_CASE("a full queue drops the least endangered units, and says so") {
  repair_queue queue;
  for (std::uint64_t unit = 1; unit <= queued_units_max; ++unit)
    queue.push(entry(unit, 2));
  CHECK_FALSE(queue.take_overflow());
  queue.push(entry(queued_units_max + 1, 2));
  CHECK(queue.take_overflow());
  CHECK_FALSE(queue.contains({0, queued_units_max + 1}));
  queue.push(entry(queued_units_max + 2, 0));
  CHECK(queue.take_overflow());
  CHECK(queue.contains({0, queued_units_max + 2}));
  CHECK(queue.size() == queued_units_max);
}
