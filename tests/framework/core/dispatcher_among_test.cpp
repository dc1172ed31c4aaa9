#include "dispatcher_fixture.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace atl;
using fixture = test::dispatcher_fixture;
using test::narrow;

TEST_CASE("a request for some of the workers goes to one of them, and so does its repetition") {
  fixture it{4};
  it.submit_among({3, 4});
  CHECK(it.effects() == "send 1 to 3");
  it.fail(1);
  CHECK(it.effects() == "send 1 to 4");
  it.fail(2);
  CHECK(it.effects() == "send 1 to 3");
}

TEST_CASE("a request for workers that are down, or unknown, is refused at once") {
  fixture it{3};
  it.dispatcher.set_available(2, false, it.now);
  it.submit_among({2});
  CHECK(it.effects() == "unavailable for 1");
  CHECK(it.last_message == "none of the 1 workers is available");
  it.submit_among({7});
  CHECK(it.effects() == "unavailable for 2");
  CHECK(it.last_message == "the workers of the request aren't in the pool");
}

TEST_CASE("a request whose workers are full waits, and holds up no other") {
  fixture it{2, narrow(10)};
  it.submit_among({2});
  it.submit_among({2});
  it.submit_among({2});
  CHECK(it.effects() == "send 1 to 2");
  it.submit();
  CHECK(it.effects() == "send 4 to 1");
  it.submit_among({1});
  it.submit();
  CHECK(it.effects().empty());
  it.dispatcher.on_answer(2, it.now); // at worker 1
  CHECK(it.effects() == "answer to 4 by 2; send 5 to 1");
  it.dispatcher.on_answer(1, it.now);
  CHECK(it.effects() == "answer to 1 by 1; send 2 to 2");
  it.dispatcher.on_worker_lost(2, "it died", it.now);
  CHECK(it.effects() == "unavailable for 2 in doubt; unavailable for 3");
}

TEST_CASE("a request among some workers that comes while others wait takes no place of theirs") {
  fixture it{2, narrow(10)};
  it.submit_among({1});
  it.submit_among({2});
  it.submit_among({1, 2});
  it.submit_among({1});
  CHECK(it.effects() == "send 1 to 1; send 2 to 2");
  it.dispatcher.on_answer(1, it.now);
  CHECK(it.effects() == "answer to 1 by 1; send 3 to 1");
}

TEST_CASE("a hedge of a request for some of the workers goes to another one of them") {
  auto options = test::hedged();
  options.hedge_after = 10ms;
  fixture it{4, options};
  it.submit_among({2, 4});
  CHECK(it.effects() == "send 1 to 2");
  it.pass(10ms);
  CHECK(it.effects() == "send 1 to 4");
}
