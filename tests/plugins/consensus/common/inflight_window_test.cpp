#include "common/inflight_window.hpp"

#include <doctest/doctest.h>

using atl::leader_based::inflight_window;

namespace {

constexpr std::size_t window = 1000;

/// Sends messages of one entry and 100 bytes. @returns how many
int send_all(inflight_window& to, std::uint64_t round) {
  int count = 0;
  for (; to.has_capacity(window); ++count)
    to.sent(1, 100, round);
  return count;
}

} // namespace

TEST_CASE("the window begins with one message, and allows one more for each that arrives") {
  inflight_window it{5};
  CHECK(send_all(it, 1) == 1);
  it.learn_match(5);
  CHECK(send_all(it, 1) == 2);
  it.learn_match(7);
  CHECK(send_all(it, 1) == 4);
  it.learn_match(11);
  it.learn_match(11);
  CHECK(send_all(it, 1) == 8);
  it.learn_match(19);
  CHECK(send_all(it, 1) == 10);
}

TEST_CASE("entries that arrived and aren't durable yet fill the window, and aren't sent again") {
  inflight_window it{1};
  while (it.has_capacity(window)) {
    it.sent(1, 100, 1);
    it.learn_acknowledged(it.next() - 1);
  }
  CHECK(it.next() == 11);
  CHECK(it.match() == 0);
  CHECK_FALSE(it.has_lost(2));
  it.learn_match(3);
  CHECK(send_all(it, 2) == 3);
}

TEST_CASE("entries that are missing in the response to a later heartbeat are lost") {
  inflight_window it{1};
  it.sent(1, 100, 1);
  CHECK_FALSE(it.has_lost(0));
  CHECK_FALSE(it.has_lost(1));
  CHECK(it.has_lost(2));
  it.resend_from(1);
  CHECK_FALSE(it.has_lost(2));
  CHECK(it.next() == 1);
  CHECK(send_all(it, 2) == 1);
}

TEST_CASE("each attempt has a number of its own, and begins with one message") {
  inflight_window it{1};
  it.sent(1, 100, 1);
  it.learn_match(1);
  CHECK(send_all(it, 1) == 2);
  auto before = it.attempt();
  it.resend_from(2);
  CHECK(it.attempt() != before);
  CHECK(send_all(it, 1) == 1);
}

TEST_CASE("a window that probes sends nothing until messages in flight are acknowledged") {
  inflight_window it{1};
  it.sent(1, 100, 1);
  it.learn_match(1);
  CHECK(send_all(it, 1) == 2);
  for (int i = 0; i < 100; ++i)
    it.probe();
  CHECK(send_all(it, 1) == 0);
  it.learn_acknowledged(3);
  CHECK(send_all(it, 1) > 0);
}

TEST_CASE("a peer that crashed is sent again the entries that it doesn't vouch for") {
  inflight_window it{1};
  it.sent(9, 100, 1);
  it.learn_match(9);
  it.rewind_to(4);
  CHECK(it.match() == 4);
  CHECK(it.acknowledged() == 4);
  CHECK(it.next() == 5);
}
