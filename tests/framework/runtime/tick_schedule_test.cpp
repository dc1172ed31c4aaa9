#include "runtime/arrivals.hpp"
#include "runtime/tick_schedule.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace atl::runtime;
using namespace std::chrono_literals;

TEST_CASE("ticks for a near time don't pile up beside one for a far time") {
  using time = atl::spi::timestamp;
  constexpr time far{1h}, interval{100ms};
  tick_schedule schedule;
  std::multiset<time> under_way;
  auto arm = [&](time wanted) {
    if (schedule.arm(wanted))
      under_way.insert(wanted);
  };
  arm(far);
  std::size_t most = 0;
  for (time now{0}; now < far;) {
    arm(std::min(far, now + interval)); // what is near, then what else there is
    arm(far);
    REQUIRE_FALSE(under_way.empty());
    most = std::max(most, under_way.size());
    now = *under_way.begin();
    under_way.erase(under_way.begin());
    schedule.on_tick(now);
  }
  CHECK(most == 2);
}

TEST_CASE("a tick is sent when none under way comes in time") {
  tick_schedule schedule;
  CHECK(schedule.arm(10s));
  CHECK_FALSE(schedule.arm(10s));
  CHECK_FALSE(schedule.arm(11s));
  CHECK(schedule.arm(9s));
  schedule.on_tick(9s);
  CHECK_FALSE(schedule.arm(10s));
  schedule.on_tick(10s);
  CHECK(schedule.arm(11s));
}

TEST_CASE("arrivals are bounded by their number and by their bytes, and refusals are counted") {
  arrivals few{2, 100};
  CHECK(few.enter(50));
  CHECK(few.enter(50));
  CHECK_FALSE(few.enter(0)); // a third one
  few.leave(50);
  CHECK_FALSE(few.enter(51)); // too many bytes
  CHECK(few.enter(50));
  CHECK(few.refused() == 2);
  few.leave(50);
  few.leave(50);
  CHECK(few.enter(1000)); // alone
  CHECK_FALSE(few.enter(1));
}
