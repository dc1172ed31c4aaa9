#include "dispatcher_fixture.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace atl;
using fixture = test::dispatcher_fixture;
using test::hedged;
using test::narrow;

TEST_CASE("a request goes to a worker, and its answer to the requester") {
  fixture it{2};
  it.submit();
  CHECK(it.effects() == "send 1 to 1");
  it.dispatcher.on_answer(1, it.now);
  CHECK(it.effects() == "answer to 1 by 1");
  it.dispatcher.on_answer(1, it.now);
  CHECK(it.effects().empty());
  CHECK(it.dispatcher.next_timer() == no_deadline);
  CHECK(it.dispatcher.counters().late_answers == 1);
}

TEST_CASE("a request that is too large, and one that comes late, are refused") {
  fixture it{1};
  it.submit(true, 1s, (8 << 20) + 1);
  CHECK(it.effects() == "invalid for 1");
  CHECK(it.last_message ==
        "a request of 8388609 bytes; a message takes at most 8388608: send large "
        "data another way");
  it.submit(true, 0s);
  CHECK(it.effects() == "timeout for 2");
  CHECK(it.dispatcher.counters().timed_out == 1);
}

TEST_CASE("a failed request goes to another worker, up to the number of retries") {
  fixture it{3};
  it.submit();
  it.fail(1);
  it.fail(2);
  CHECK(it.effects() == "send 1 to 1; send 1 to 2; send 1 to 3");
  it.fail(3);
  CHECK(it.effects() == "unavailable for 1 in doubt");
  CHECK(it.last_message == "it broke (after 3 attempts)");
}

TEST_CASE("what must not be repeated is repeated only if it wasn't done") {
  fixture it{2};
  it.submit(false);
  it.fail(1, attempt_failure::not_delivered);
  CHECK(it.effects() == "send 1 to 1; send 1 to 2");
  it.fail(2, attempt_failure::failed);
  CHECK(it.effects() == "unavailable for 1 in doubt");
  it.submit(false);
  it.fail(3, attempt_failure::busy);
  it.effects();
  CHECK(it.dispatcher.counters().retries == 2);
}

TEST_CASE("retries stay within their budget, which requests and time fill up") {
  dispatch_options options;
  options.budget = {0.5, 1, 2};
  options.outliers.failures = 0;
  fixture it{2, options};
  it.submit();
  it.fail(1); // 1.5 tokens
  it.fail(2);
  CHECK(it.effects() == "send 1 to 1; send 1 to 2; unavailable for 1 in doubt");
  CHECK(it.dispatcher.counters().budget_denied == 1);
  it.pass(10s); // never more than 2
  it.submit();
  it.fail(3);
  it.fail(4);
  CHECK(it.effects() == "send 2 to 1; send 2 to 2; send 2 to 1");
  it.fail(5);
  it.submit();
  it.fail(6);
  CHECK(it.effects() == "unavailable for 2 in doubt; send 3 to 1; unavailable for 3 in doubt");
}

TEST_CASE("each request earns its share of the budget") {
  dispatch_options options;
  options.budget = {1, 0, 100};
  fixture it{2, options};
  it.submit();
  it.fail(1);
  CHECK(it.effects() == "send 1 to 1; send 1 to 2");
}

TEST_CASE("a deadline ends a request wherever it is, and leaves nothing behind") {
  fixture it{1, narrow(5)};
  it.submit(true, 10ms);
  it.submit(true, 10ms);
  CHECK(it.effects() == "send 1 to 1");
  it.pass(10ms);
  CHECK(it.effects() == "timeout for 1 in doubt; cancel 1; timeout for 2");
  CHECK(it.last_message == "no worker was free until the deadline");
  CHECK(it.dispatcher.load().requests == 0);
  it.dispatcher.on_answer(1, it.now);
  CHECK(it.effects().empty());
  CHECK(it.dispatcher.workers()[0].in_flight == 0);
}

TEST_CASE("an answer after the deadline is late even if no timer came between") {
  fixture it{1};
  it.submit(true, 10ms);
  it.dispatcher.on_answer(1, it.now + 11ms);
  CHECK(it.effects() == "send 1 to 1; timeout for 1 in doubt; cancel 1");
}

TEST_CASE("an attempt that takes too long fails, and keeps its place at the worker for a while") {
  auto options = narrow(5);
  options.attempt_timeout = 100ms;
  fixture it{2, options};
  it.submit();
  it.pass(100ms);
  CHECK(it.effects() == "send 1 to 1; cancel 1; send 1 to 2");
  it.submit(); // worker 1 may still be working
  CHECK(it.effects().empty());
  it.dispatcher.on_answer(1, it.now);
  CHECK(it.effects() == "send 2 to 1");
  it.dispatcher.on_answer(2, it.now);
  it.dispatcher.on_answer(3, it.now);
  CHECK(it.effects() == "answer to 1 by 2; answer to 2 by 3");
}

TEST_CASE("a request that takes long is sent to a second worker, and the first answer counts") {
  auto options = hedged();
  fixture it{2, options};
  it.submit();
  it.pass(20ms);
  CHECK(it.effects() == "send 1 to 1; send 1 to 2");
  it.dispatcher.on_answer(2, it.now);
  CHECK(it.effects() == "answer to 1 by 2; cancel 1");
  CHECK(it.dispatcher.counters().hedges_won == 1);
  it.dispatcher.on_answer(1, it.now);
  CHECK(it.effects().empty());
}

TEST_CASE("one of two attempts may fail") {
  auto options = hedged();
  fixture it{2, options};
  it.submit();
  it.pass(20ms);
  it.fail(1);
  CHECK(it.effects() == "send 1 to 1; send 1 to 2");
  it.dispatcher.on_answer(2, it.now);
  CHECK(it.effects() == "answer to 1 by 2");
}

TEST_CASE("only what may be repeated is hedged, within the budget, at a worker with a free place") {
  auto options = hedged();
  options.worker_requests_max = 1;
  fixture it{2, options};
  SUBCASE("not repeatable") {
    it.submit(false);
  }
  SUBCASE("no place") {
    it.submit();
    it.submit();
  }
  SUBCASE("no budget") {
    options.budget = {0, 0, 0};
    fixture poor{2, options};
    poor.submit();
    poor.pass(20ms);
    CHECK(poor.effects() == "send 1 to 1");
    CHECK(poor.dispatcher.counters().budget_denied == 1);
  }
  it.effects();
  it.pass(20ms);
  CHECK(it.effects().empty());
}

TEST_CASE("hedges leave a quarter of the budget to retries") {
  auto options = hedged();
  options.budget = {1, 0, 4};
  fixture it{2, options};
  it.submit();
  it.pass(20ms);
  CHECK(it.effects() == "send 1 to 1");
  it.fail(1);
  CHECK(it.effects() == "send 1 to 2");
  it.submit();
  it.submit();
  it.pass(20ms);
  CHECK(it.effects() == "send 2 to 1; send 3 to 1; send 2 to 2");
}

TEST_CASE("a hedge after a quantile waits until latencies are known") {
  dispatch_options options;
  options.hedge_quantile = 0.9;
  fixture it{2, options};
  std::uint64_t attempt = 0;
  for (int i = 0; i < 300; ++i) {
    it.submit();
    it.now += 10ms;
    it.dispatcher.on_answer(++attempt, it.now);
  }
  CHECK(it.dispatcher.counters().hedges == 0);
  it.submit();
  it.effects();
  it.pass(10ms);
  CHECK(it.effects().empty());
  it.pass(2ms);
  CHECK(it.effects() == "send 301 to 2");
}

TEST_CASE("a hedge after a multiple of a quantile comes no sooner than its least delay") {
  dispatch_options options;
  options.hedge_quantile = 0.9;
  options.hedge_factor = 4;
  options.hedge_floor = 20ms;
  options.budget.per_second = options.budget.burst;
  fixture it{2, options};
  SUBCASE("before the quantile is known, after the least delay") {
    it.submit();
    it.pass(19ms);
    CHECK(it.effects() == "send 1 to 1");
    it.pass(1ms);
    CHECK(it.effects() == "send 1 to 2");
  }
  SUBCASE("a request may have a greater least delay, because of its size") {
    dispatch_request large{0, 1s, true, 100, {}};
    large.hedge_floor = 50ms;
    CHECK(it.dispatcher.hedge_delay(large) == 50ms);
    it.dispatcher.submit(large, it.now);
    it.pass(49ms);
    CHECK(it.effects() == "send 1 to 1");
    it.pass(1ms);
    CHECK(it.effects() == "send 1 to 2");
  }
  SUBCASE("once it is known, after the multiple") {
    std::uint64_t attempt = 0;
    for (int i = 0; i < 300; ++i) {
      it.submit();
      it.now += 10ms;
      it.dispatcher.on_answer(++attempt, it.now);
    }
    it.submit();
    it.effects();
    it.pass(40ms);
    CHECK(it.effects().empty());
    it.pass(8ms);
    CHECK(it.effects() == "send 301 to 2");
  }
}

TEST_CASE("a request's least delay for hedges brings no hedges where there are none") {
  fixture it{2};
  dispatch_request request{0, 1s, true, 100, {}};
  request.hedge_floor = 50ms;
  CHECK(it.dispatcher.hedge_delay(request) == 0ms);
}

TEST_CASE("a hedge doesn't go to an ejected worker") {
  auto options = hedged();
  options.outliers.failures = 1;
  options.outliers.ejection = 5s;
  fixture it{2, options};
  it.submit(false);
  it.fail(1);
  it.submit();
  it.effects();
  it.pass(20ms);
  CHECK(it.effects().empty());
}

TEST_CASE("a request that was cancelled is never heard of again") {
  fixture it{1, narrow(5)};
  it.submit();
  it.submit();
  it.dispatcher.cancel(2, it.now);
  it.dispatcher.cancel(1, it.now);
  it.dispatcher.on_answer(1, it.now);
  it.pass(2s);
  CHECK(it.effects() == "send 1 to 1; cancel 1");
  CHECK(it.dispatcher.counters().cancelled == 2);
  it.submit();
  it.effects();
  it.dispatcher.cancel(3, it.now + 5s); // at a time when its deadline has passed already
  CHECK(it.effects() == "cancel 2");
}
