#include "dispatcher_fixture.hpp"

#include <doctest/doctest.h>

/// When a request is hedged, and where, if its worker makes progress or no healthy worker is left.
using namespace std::chrono_literals;
using namespace atl;
using fixture = test::dispatcher_fixture;
using test::hedged;

namespace {

dispatch_request anywhere(std::vector<std::uint64_t> workers) {
  dispatch_request request{0, 10s, true, 100, std::move(workers)};
  request.may_hedge_anywhere = true;
  return request;
}

} // namespace

TEST_CASE("a request whose worker makes progress isn't hedged until the worker is silent") {
  fixture it{2, hedged()};
  it.submit();
  for (int i = 0; i < 5; ++i) {
    it.pass(19ms);
    it.dispatcher.on_progress(1, it.now);
  }
  CHECK(it.effects() == "send 1 to 1");
  it.pass(19ms);
  CHECK(it.effects().empty());
  it.pass(1ms);
  CHECK(it.effects() == "send 1 to 2");
}

TEST_CASE("progress that is told late, because the host was held up, prevents the hedge") {
  fixture it{2, hedged()};
  it.submit();
  it.now += 30ms;
  it.dispatcher.on_progress(1, it.now);
  CHECK(it.effects() == "send 1 to 1");
}

TEST_CASE("progress of an attempt that has ended, or was given up, is ignored") {
  fixture it{2, hedged()};
  it.submit();
  it.pass(20ms);
  it.dispatcher.on_answer(2, it.now);
  CHECK(it.effects() == "send 1 to 1; send 1 to 2; answer to 1 by 2; cancel 1");
  it.dispatcher.on_progress(1, it.now);
  it.dispatcher.on_progress(2, it.now);
  it.dispatcher.on_progress(7, it.now);
  CHECK(it.effects().empty());
}

TEST_CASE("a worker that made progress until its attempt was given up isn't to blame") {
  auto options = hedged();
  options.outliers.failures = 1;
  fixture it{2, options};
  it.submit();
  it.pass(19ms);
  it.dispatcher.on_progress(1, it.now);
  it.pass(19ms);
  it.dispatcher.cancel(1, it.now);
  it.dispatcher.on_cancelled(1, it.now);
  CHECK(it.balancer->outcomes.empty());
}

TEST_CASE("the quantile after which requests are hedged is that of the longest silences") {
  dispatch_options options;
  options.hedge_quantile = 0.9;
  options.budget.per_second = options.budget.burst;
  fixture it{2, options};
  std::uint64_t attempt = 0;
  for (int i = 0; i < 300; ++i) { // each takes 30 ms, and is silent for 20 ms at most
    it.submit();
    it.dispatcher.on_progress(++attempt, it.now += 3ms);
    it.dispatcher.on_progress(attempt, it.now += 20ms);
    it.dispatcher.on_answer(attempt, it.now += 7ms);
  }
  CHECK(it.dispatcher.hedge_delay({0, 1s, true, 100, {}}) >= 20ms);
  CHECK(it.dispatcher.hedge_delay({0, 1s, true, 100, {}}) <= 23ms);
}

TEST_CASE("a request that may be hedged anywhere is hedged at an ejected worker if no other is "
          "left") {
  auto options = hedged();
  options.outliers.failures = 1;
  fixture it{3, options};
  it.submit(false);
  it.fail(1); // ejects worker 1
  it.effects();
  SUBCASE("no other") {
    it.dispatcher.submit(anywhere({1, 2}), it.now);
    it.pass(20ms);
    CHECK(it.effects() == "send 2 to 2; send 2 to 1");
  }
  SUBCASE("a healthy one is left") {
    it.dispatcher.submit(anywhere({1, 2, 3}), it.now);
    it.pass(20ms);
    CHECK(it.effects() == "send 2 to 2; send 2 to 3");
  }
  SUBCASE("a request that may not") {
    it.submit_among({1, 2});
    it.pass(20ms);
    CHECK(it.effects() == "send 2 to 2");
  }
}

TEST_CASE("a request that may be hedged anywhere is hedged at an unavailable worker as the last "
          "resort") {
  auto options = hedged();
  options.outliers.failures = 1;
  fixture it{3, options};
  it.dispatcher.set_available(1, false, it.now);
  SUBCASE("no other worker is left") {
    it.dispatcher.submit(anywhere({1, 2}), it.now);
    it.pass(20ms);
    CHECK(it.effects() == "send 1 to 2; send 1 to 1");
    it.dispatcher.on_answer(2, it.now);
    CHECK(it.effects() == "answer to 1 by 2; cancel 1");
  }
  SUBCASE("an ejected one is left") {
    it.submit_among({3});
    it.fail(1);
    it.dispatcher.submit(anywhere({1, 2, 3}), it.now);
    it.effects();
    it.pass(20ms);
    CHECK(it.effects() == "send 2 to 3");
  }
}
