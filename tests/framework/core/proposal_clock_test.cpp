#include <atoll/core/proposal_clock.hpp>

#include <doctest/doctest.h>

using atl::proposal_clock;
using namespace std::chrono_literals;

namespace {

using time_us = std::chrono::microseconds;

constexpr time_us noon{1'700'000'000'000'000};
constexpr time_us day = 24h;
constexpr time_us year = 365 * day;

/// A replica whose group ran until `noon`, by its state, and which starts at 100 s by its steady
/// clock.
proposal_clock restarted() {
  proposal_clock clock;
  clock.observe(noon, 100s);
  return clock;
}

/// A replica that has seen another one stamp commands for a minute, until noon.
proposal_clock following() {
  proposal_clock clock;
  for (auto left = 60s; left >= 0s; left -= 5s)
    clock.observe(noon - left, 100s - left);
  return clock;
}

} // namespace

TEST_CASE("a replica that has seen no stamp uses its wall clock") {
  proposal_clock clock;
  CHECK(clock.next(noon, 0s) == noon);
}

TEST_CASE("stamps never go backwards, whatever the wall clock does") {
  proposal_clock clock;
  CHECK(clock.next(noon, 10s) == noon);
  CHECK(clock.next(noon - year, 11s) == noon);
  clock.observe(noon + 5s, 12s);
  CHECK(clock.next(noon + 1s, 12s) == noon + 5s);
}

TEST_CASE("a leader in the year 2100 makes the state's time run twice as fast, however many "
          "commands it stamps") {
  auto wrong = 75 * year;
  for (auto clock : {restarted(), following()}) {
    auto stamp = clock.next(noon + wrong, 100s);
    CHECK(stamp <= noon + 1s);
    for (int i = 0; i < 10'000; ++i) {
      stamp = clock.next(noon + wrong, 100s);
      clock.observe(stamp, 100s);
    }
    CHECK(stamp <= noon + 1s);
    CHECK(clock.next(noon + wrong, 3700s) <= noon + 1s + 2h);
    // The wall clock is used again once it is right and the time has come.
    CHECK(clock.next(noon + 3h, 3h) == noon + 3h);
  }
}

TEST_CASE("two leaders in the year 2100 that take turns don't add up") {
  auto one = following();
  auto other = following();
  time_us stamp{};
  for (int i = 0; i < 1000; ++i) {
    stamp = one.next(noon + 75 * year, 100s);
    other.observe(stamp, 100s);
    stamp = other.next(noon + 75 * year, 100s);
    one.observe(stamp, 100s);
  }
  CHECK(stamp <= noon + 1s);
}

TEST_CASE(
    "a follower with a wrong clock that takes the lead is bounded by the stamps that it saw") {
  CHECK(following().next(noon + 5h, 100s) <= noon + 1s);
}

TEST_CASE("a wall clock that was always right is used after a long pause, too") {
  proposal_clock clock;
  CHECK(clock.next(noon, 0s) == noon);
  CHECK(clock.next(noon + 10h, 10h) == noon + 10h);
  CHECK(clock.next(noon + 11h, 11h) == noon + 11h);
}

TEST_CASE("a pause gives a clock no right to jump later") {
  proposal_clock clock;
  CHECK(clock.next(noon, 0s) == noon);
  CHECK(clock.next(noon + 10h, 10h) == noon + 10h);
  CHECK(clock.next(noon + 20h, 10h) <= noon + 10h + 1s);
}

TEST_CASE("after an outage of the whole group the wall clock is used at once") {
  SUBCASE("the state has the last stamp") {
    auto clock = restarted();
    CHECK(clock.next(noon + 3 * day, 105s) == noon + 3 * day);
    CHECK(clock.next(noon + 6 * day, 105s) <= noon + 3 * day + 1s); // once
  }
  SUBCASE("the log has more entries, which are applied at a higher pace than they were made") {
    auto clock = restarted();
    for (int i = 1; i <= 100; ++i)
      clock.observe(noon + i * 1min, 100s + i * 1ms);
    // The last entry is committed only when the other replicas have started as well.
    clock.observe(noon + 100min + 1s, 130s);
    CHECK(clock.next(noon + 3 * day, 131s) == noon + 3 * day);
  }
}

TEST_CASE("a group that stood still for longer than the largest step catches up in steps that the "
          "state accepts") {
  proposal_clock clock;
  CHECK(clock.next(noon, 0s) == noon);
  clock.observe(noon, 0s);
  auto later = 100 * day;
  auto stamp = noon;
  for (int commands = 1; commands <= 4; ++commands) {
    auto next = clock.next(noon + later, later);
    CHECK(next - stamp <= proposal_clock::step_max);
    CHECK(clock.next(noon + later, later) == next); // as long as the state doesn't have it
    clock.observe(next, later);
    stamp = next;
  }
  CHECK(stamp == noon + later);
}

TEST_CASE("a wall clock that was set forward rightly is reached within the time of the step") {
  proposal_clock clock;
  CHECK(clock.next(noon, 0s) == noon);
  CHECK(clock.next(noon + 1h, 10s) < noon + 1min);
  CHECK(clock.next(noon + 2h + 10s, 1h + 10s) >= noon + 2h - 1min);
  CHECK(clock.next(noon + 3h, 2h) == noon + 3h);
}

TEST_CASE("a state without a time does not limit the stamps") {
  proposal_clock clock;
  clock.observe(0s, 5s);
  CHECK(clock.next(noon, 5s) == noon);
}
