#include "common/election_timer.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <set>

using atl::leader_based::election_timer;
using atl::spi::timestamp;
using namespace std::chrono_literals;

namespace {

constexpr timestamp timeout = 1s;
constexpr timestamp heartbeat = 100ms;
constexpr timestamp now = 60s;

election_timer timer_with(std::uint64_t seed) {
  return {timeout, heartbeat, seed};
}

bool within(timestamp what, timestamp from, timestamp to) {
  return from <= what && what <= to;
}

} // namespace

TEST_CASE("a follower waits one to two election timeouts, times the factor") {
  std::set<timestamp> deadlines;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto it = timer_with(seed);
    it.on_leader_contact(now);
    CHECK(within(it.deadline(), now + timeout, now + 2 * timeout));
    deadlines.insert(it.deadline());
    it.on_leader_contact(now, 4);
    CHECK(within(it.deadline(), now + 4 * timeout, now + 8 * timeout));
  }
  CHECK(deadlines.size() > 90);
}

TEST_CASE("a leader is active for an election timeout, unless it is unreachable") {
  auto it = timer_with(1);
  CHECK_FALSE(it.is_leader_active(now));
  it.on_leader_contact(now);
  CHECK(it.is_leader_active(now + timeout - 1us));
  CHECK_FALSE(it.is_leader_active(now + timeout));
  it.on_leader_unreachable(now + 1us);
  CHECK_FALSE(it.is_leader_active(now + 2us));
  it.on_leader_changed();
  CHECK(it.is_leader_active(now + 3us));
}

TEST_CASE("a follower of an unreachable leader campaigns after a short timeout, unless it hears "
          "the leader") {
  auto it = timer_with(1);
  it.on_leader_contact(now);
  it.on_leader_unreachable(now);
  CHECK(within(it.deadline(), now + 2 * heartbeat, now + 4 * heartbeat));
  auto before = it.deadline();
  it.on_leader_unreachable(now + heartbeat); // a repeated hint does not postpone the campaign
  CHECK(it.deadline() == before);
  it.on_leader_contact(now + heartbeat);
  CHECK_FALSE(it.is_leader_unreachable());
  CHECK(it.deadline() >= now + heartbeat + timeout);
}

TEST_CASE(
    "a message that was in transit when the connection broke doesn't make the leader active") {
  auto it = timer_with(1);
  it.on_leader_contact(now);
  it.on_leader_unreachable(now);
  auto before = it.deadline();
  it.on_leader_contact(now + heartbeat / 2 - 1us);
  CHECK(it.is_leader_unreachable());
  CHECK(it.deadline() == before);
  it.on_leader_contact(now + heartbeat / 2);
  CHECK_FALSE(it.is_leader_unreachable());
}

TEST_CASE("an unreachable leader never postpones the deadline") {
  auto it = timer_with(1);
  it.on_leader_contact(now);
  it.campaign_at(now);
  it.on_leader_unreachable(now);
  CHECK(it.deadline() == now);
}

TEST_CASE(
    "a replica defers to another candidate once until it asks for pre-votes or hears a leader") {
  auto it = timer_with(1);
  it.begin_pre_vote(now);
  CHECK(it.defer_to_candidate(now + heartbeat));
  CHECK(within(it.deadline(), now + 3 * heartbeat, now + 5 * heartbeat));
  auto before = it.deadline();
  CHECK_FALSE(it.defer_to_candidate(now + 2 * heartbeat));
  CHECK(it.deadline() == before);
  it.begin_pre_vote(now + 5 * heartbeat);
  CHECK(it.defer_to_candidate(now + 6 * heartbeat));
  it.on_leader_contact(now + 7 * heartbeat);
  CHECK(it.defer_to_candidate(now + 8 * heartbeat));
}
