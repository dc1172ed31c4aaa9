#include "keep/failure_detector.hpp"

#include <doctest/doctest.h>

using atl::keep::failure_detector;
using atl::spi::timestamp;

namespace {

constexpr timestamp beat{500'000};

} // namespace

TEST_CASE("a node that was never heard arouses no suspicion") {
  failure_detector it;
  CHECK(it.phi(timestamp{1'000'000'000}) == 0);
}

TEST_CASE("suspicion grows with silence, and ends with the next heartbeat") {
  failure_detector it;
  auto now = timestamp{0};
  for (int i = 0; i < 200; ++i)
    it.on_heartbeat(now += beat);
  CHECK(it.phi(now + beat) < 1);
  CHECK(it.phi(now + 2 * beat) < 8);
  CHECK(it.phi(now + 4 * beat) > 8);
  CHECK(it.phi(now + 8 * beat) > it.phi(now + 4 * beat));
  it.on_heartbeat(now + 8 * beat);
  CHECK(it.phi(now + 8 * beat) < 1);
}

TEST_CASE("a node with irregular heartbeats is given more time than a regular one") {
  failure_detector regular;
  failure_detector irregular;
  auto now = timestamp{0};
  auto other = timestamp{0};
  for (int i = 0; i < 200; ++i) {
    regular.on_heartbeat(now += beat);
    irregular.on_heartbeat(other += i % 2 == 0 ? timestamp{50'000} : timestamp{950'000});
  }
  CHECK(regular.phi(now + timestamp{1'800'000}) > irregular.phi(other + timestamp{1'800'000}));
}

TEST_CASE("the pause before a restarted node's first heartbeat isn't counted") {
  failure_detector it;
  auto now = timestamp{0};
  for (int i = 0; i < 200; ++i)
    it.on_heartbeat(now += beat);
  auto before = it.phi(now + 3 * beat);
  it.on_restart();
  it.on_heartbeat(now += timestamp{3600'000'000});
  CHECK(it.phi(now + 3 * beat) == doctest::Approx(before));
}
