#include "common/pipeline.hpp"

#include <doctest/doctest.h>

using atl::pipelining::pipeline;

namespace {

constexpr std::size_t window = 1000;

/// Sends messages of one entry and 100 bytes. @returns how many
int send_all(pipeline& to, std::uint64_t round) {
  int count = 0;
  for (; to.may_send(window); ++count)
    to.sent(1, 100, round);
  return count;
}

} // namespace

TEST_CASE("it begins with one message, and doubles with each that arrives, up to the window") {
  pipeline it{5};
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

TEST_CASE("what arrived and isn't durable yet fills the window, and is not sent again") {
  pipeline it{1};
  while (it.may_send(window)) {
    it.sent(1, 100, 1);
    it.learn_held(it.next() - 1);
  }
  CHECK(it.next() == 11);
  CHECK(it.match() == 0);
  CHECK_FALSE(it.lacks(2));
  it.learn_match(3);
  CHECK(send_all(it, 2) == 3);
}

TEST_CASE("what is missing in the answer to a later heartbeat got lost") {
  pipeline it{1};
  it.sent(1, 100, 1);
  CHECK_FALSE(it.lacks(0));
  CHECK_FALSE(it.lacks(1));
  CHECK(it.lacks(2));
  it.send_again(1);
  CHECK_FALSE(it.lacks(2));
  CHECK(it.next() == 1);
  CHECK(send_all(it, 2) == 1);
}

TEST_CASE("each new attempt has a number of its own, and begins with one message") {
  pipeline it{1};
  it.sent(1, 100, 1);
  it.learn_match(1);
  CHECK(send_all(it, 1) == 2);
  auto before = it.attempt();
  it.send_again(2);
  CHECK(it.attempt() != before);
  CHECK(send_all(it, 1) == 1);
}

TEST_CASE("while it is in doubt whether messages arrive, none is sent beyond those under way") {
  pipeline it{1};
  it.sent(1, 100, 1);
  it.learn_match(1);
  CHECK(send_all(it, 1) == 2);
  for (int i = 0; i < 100; ++i)
    it.doubt();
  CHECK(send_all(it, 1) == 0);
  it.learn_held(3);
  CHECK(send_all(it, 1) > 0);
}

TEST_CASE("a replica that crashed is sent again what it is no longer sure of") {
  pipeline it{1};
  it.sent(9, 100, 1);
  it.learn_match(9);
  it.forget_beyond(4);
  CHECK(it.match() == 4);
  CHECK(it.held() == 4);
  CHECK(it.next() == 5);
}
