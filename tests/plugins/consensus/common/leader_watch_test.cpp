#include "common/leader_watch.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <set>

using atl::elections::leader_watch;
using atl::spi::timestamp;
using namespace std::chrono_literals;

namespace {

constexpr timestamp timeout = 1s;
constexpr timestamp heartbeat = 100ms;
constexpr timestamp now = 60s;

leader_watch watch_with(std::uint64_t seed) {
  return {timeout, heartbeat, seed};
}

bool within(timestamp what, timestamp from, timestamp to) {
  return from <= what && what <= to;
}

} // namespace

TEST_CASE("followers wait an election timeout and up to another by lot, and longer if told") {
  std::set<timestamp> deadlines;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto it = watch_with(seed);
    it.hear(now);
    CHECK(within(it.deadline(), now + timeout, now + 2 * timeout));
    deadlines.insert(it.deadline());
    it.hear(now, 4);
    CHECK(within(it.deadline(), now + 4 * timeout, now + 8 * timeout));
  }
  CHECK(deadlines.size() > 90);
}

TEST_CASE("a leader is heard for an election timeout, unless it is lost") {
  auto it = watch_with(1);
  CHECK_FALSE(it.hears(now));
  it.hear(now);
  CHECK(it.hears(now + timeout - 1us));
  CHECK_FALSE(it.hears(now + timeout));
  it.lose(now + 1us);
  CHECK_FALSE(it.hears(now + 2us));
  it.turn_to_another();
  CHECK(it.hears(now + 3us));
}

TEST_CASE("who lost its leader stands within moments, and lets it speak again before") {
  auto it = watch_with(1);
  it.hear(now);
  it.lose(now);
  CHECK(within(it.deadline(), now + 2 * heartbeat, now + 4 * heartbeat));
  auto before = it.deadline();
  it.lose(now + heartbeat); // again: it waits no longer for that
  CHECK(it.deadline() == before);
  it.hear(now + heartbeat);
  CHECK_FALSE(it.unreachable());
  CHECK(it.deadline() >= now + heartbeat + timeout);
}

TEST_CASE("what was under way when the connection broke is no sign of life") {
  auto it = watch_with(1);
  it.hear(now);
  it.lose(now);
  auto before = it.deadline();
  it.hear(now + heartbeat / 2 - 1us);
  CHECK(it.unreachable());
  CHECK(it.deadline() == before);
  it.hear(now + heartbeat / 2);
  CHECK_FALSE(it.unreachable());
}

TEST_CASE("losing the leader never makes anybody wait longer") {
  auto it = watch_with(1);
  it.hear(now);
  it.stand_at(now);
  it.lose(now);
  CHECK(it.deadline() == now);
}

TEST_CASE("who helps another waits a moment for it, once until it stands itself") {
  auto it = watch_with(1);
  it.stand(now);
  CHECK(it.give_way(now + heartbeat));
  CHECK(within(it.deadline(), now + 3 * heartbeat, now + 5 * heartbeat));
  auto before = it.deadline();
  CHECK_FALSE(it.give_way(now + 2 * heartbeat));
  CHECK(it.deadline() == before);
  it.stand(now + 5 * heartbeat);
  CHECK(it.give_way(now + 6 * heartbeat));
  it.hear(now + 7 * heartbeat);
  CHECK(it.give_way(now + 8 * heartbeat));
}
