#include <atoll/core/proposal_clock.hpp>

#include <doctest/doctest.h>

using atl::proposal_clock;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::microseconds noon{1'700'000'000'000'000};
constexpr std::chrono::microseconds year{365LL * 24 * 3600 * 1'000'000};

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

TEST_CASE("a wall clock that is a year ahead advances the stamps by at most a second beyond the "
          "time that passed") {
  proposal_clock clock;
  clock.observe(noon, 100s);
  CHECK(clock.next(noon + year, 100s) == noon + 1s);
  CHECK(clock.next(noon + year, 160s) == noon + 62s);
  // The wall clock is used again once it is right again.
  CHECK(clock.next(noon + 70s, 171s) == noon + 70s);
}

TEST_CASE("a wall clock that was always right is used after a long pause, too") {
  proposal_clock clock;
  CHECK(clock.next(noon, 0s) == noon);
  CHECK(clock.next(noon + 10h, 10h) == noon + 10h);
}

TEST_CASE("a state without a time does not limit the stamps") {
  proposal_clock clock;
  clock.observe(0s, 5s);
  CHECK(clock.next(noon, 5s) == noon);
}
