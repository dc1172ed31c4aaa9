#include <atoll/core/outlier_detector.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace std::chrono_literals;
using atl::outlier_detector;

namespace {

outlier_detector detector_of(std::size_t members, atl::outlier_options options = {}) {
  outlier_detector made{options};
  made.update(std::vector<outlier_detector::record>(members));
  return made;
}

/// Fails requests until the member is ejected. @returns how many, or 0 if it isn't ejected.
int failures_until_ejected(outlier_detector& it, atl::spi::slot who, atl::spi::timestamp now) {
  for (int failures = 1; failures <= 20; ++failures)
    if (it.observe(who, false, now))
      return failures;
  return 0;
}

std::vector<atl::spi::slot> back_at(outlier_detector& it, atl::spi::timestamp now) {
  std::vector<atl::spi::slot> back;
  it.expire(now, [&](auto who) { back.push_back(who); });
  return back;
}

} // namespace

TEST_CASE("only failures in a row eject a member") {
  auto it = detector_of(3);
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(it.observe(0, false, 0s));
    CHECK_FALSE(it.observe(0, i % 3 == 0, 0s));
    CHECK_FALSE(it.observe(0, true, 0s));
  }
  CHECK(failures_until_ejected(it, 0, 0s) == 5);
  CHECK(it.is_ejected(0));
}

TEST_CASE("each ejection takes twice as long as the one before, up to a limit") {
  auto it = detector_of(2, {.failures = 1, .ejection = 1s, .ejection_max = 4s});
  atl::spi::timestamp now{0};
  for (auto length : {1s, 2s, 4s, 4s}) {
    REQUIRE(failures_until_ejected(it, 0, now) == 1);
    CHECK(back_at(it, now + length - 1us).empty());
    now += length;
    CHECK(back_at(it, now) == std::vector<atl::spi::slot>{0});
  }
}

TEST_CASE("time without failures makes the next ejection shorter again") {
  auto it = detector_of(2, {.failures = 1, .ejection = 1s});
  failures_until_ejected(it, 0, 0s);
  back_at(it, 1s);
  it.observe(0, true, 2s);
  failures_until_ejected(it, 0, 3s);
  CHECK(back_at(it, 4s).size() == 1);
}

TEST_CASE("no more than a share of the members is ejected, and never the last one") {
  auto it = detector_of(4, {.failures = 1, .share_max = 0.5});
  CHECK(failures_until_ejected(it, 0, 0s) == 1);
  CHECK(failures_until_ejected(it, 1, 0s) == 1);
  CHECK(failures_until_ejected(it, 2, 0s) == 0);
  CHECK(it.ejected() == 2);
  auto alone = detector_of(1, {.failures = 1});
  CHECK(failures_until_ejected(alone, 0, 0s) == 0);
}

TEST_CASE("no failures eject a member where the limit is 0") {
  auto it = detector_of(3, {.failures = 0});
  CHECK(failures_until_ejected(it, 0, 0s) == 0);
}

TEST_CASE("an ejection goes on when the list of members changes") {
  auto it = detector_of(3, {.failures = 1, .ejection = 1s});
  failures_until_ejected(it, 2, 0s);
  it.update({it.at(2), {}});
  CHECK(it.is_ejected(0));
  CHECK(it.ejected() == 1);
  CHECK(back_at(it, 1s) == std::vector<atl::spi::slot>{0});
}
