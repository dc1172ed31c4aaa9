#include "common/eligible.hpp"
#include "common/member_state.hpp"
#include "pool_fixture.hpp"

#include <doctest/doctest.h>

using namespace balancer_test;
using namespace atl::balancers;

TEST_CASE("members that are unavailable or were tried are not eligible, however many were tried") {
  pool_fixture pool{40};
  pool.available[0] = 0;
  mark_set scratch;
  scratch.resize(40);
  for (std::size_t tried_count : {0, 1, 8, 9, 39}) {
    std::vector<slot> tried;
    for (std::size_t i = 0; i < tried_count; ++i)
      tried.push_back(static_cast<slot>(39 - i));
    spi::pick_request request{.tried = tried};
    auto facts = pool.facts();
    eligible searched{request, facts}, marked{request, facts, scratch};
    for (slot who = 0; who < 40; ++who) {
      auto expected = who != 0 && who <= 39 - tried_count;
      CHECK(searched(who) == expected);
      CHECK(marked(who) == expected);
    }
  }
}

TEST_CASE("a cleared set contains nothing") {
  mark_set marks;
  marks.resize(3);
  CHECK_FALSE(marks.contains(1));
  marks.insert(1);
  CHECK(marks.contains(1));
  CHECK_FALSE(marks.contains(2));
  marks.erase(1);
  CHECK_FALSE(marks.contains(1));
  marks.insert(2);
  marks.clear();
  CHECK_FALSE(marks.contains(2));
}

TEST_CASE("what was learnt of a member stays with its id, and goes when the member leaves") {
  pool_fixture pool{3};
  member_state<int> learnt;
  CHECK(learnt.update(pool.members) == 3);
  learnt[0] = 10;
  learnt[1] = 11;
  learnt[2] = 12;
  pool.exchange(0, 2);
  pool.leave(1);
  pool.join();
  CHECK(learnt.update(pool.members) == 1);
  CHECK(learnt[0] == 12);
  CHECK(learnt[1] == 10);
  CHECK(learnt[2] == 0);
}
