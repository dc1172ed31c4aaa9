#include "dispatcher_fixture.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace atl;
using fixture = test::dispatcher_fixture;
using test::narrow;

TEST_CASE("each overflow policy refuses the request that it names") {
  auto run = [](overflow_policy policy) {
    fixture it{1, narrow(2, policy)};
    it.submit();
    it.submit(true, 3s);
    it.submit(true, 2s);
    it.effects();
    it.submit(true, 5s);
    CHECK(it.dispatcher.load().queued == 2);
    CHECK(it.dispatcher.counters().rejected == 1);
    return it.effects();
  };
  CHECK(run(overflow_policy::reject) == "busy for 4");
  CHECK(run(overflow_policy::drop_oldest) == "busy for 2");
  CHECK(run(overflow_policy::drop_earliest_deadline) == "busy for 3");
}

TEST_CASE("the queue is bounded in bytes too") {
  auto options = narrow(100, overflow_policy::drop_oldest);
  options.queue.bytes_max = 250;
  fixture it{1, options};
  for (int i = 0; i < 4; ++i)
    it.submit();
  CHECK(it.effects() == "send 1 to 1; busy for 2");
  it.submit(true, 1s, 251); // would never fit
  CHECK(it.effects() == "busy for 5");
  CHECK(it.dispatcher.load().queued_bytes == 200);
}

TEST_CASE("requests wait in the order of their arrival") {
  fixture it{1, narrow(5)};
  for (int i = 0; i < 3; ++i)
    it.submit();
  it.dispatcher.on_answer(1, it.now);
  it.submit();
  it.dispatcher.on_answer(2, it.now);
  CHECK(it.effects() ==
        "send 1 to 1; answer to 1 by 1; send 2 to 1; answer to 2 by 2; send 3 to 1");
}

TEST_CASE("overflow policies have names") {
  for (auto policy : {overflow_policy::reject, overflow_policy::drop_oldest,
                      overflow_policy::drop_earliest_deadline})
    CHECK(parse_overflow_policy(to_string(policy)) == policy);
  CHECK_FALSE(parse_overflow_policy("drop").has_value());
}

TEST_CASE("a retry budget is saved up to its limit, by requests as by time") {
  retry_budget budget{{0.5, 1, 3}};
  auto spend = [&](spi::timestamp now) {
    int spent = 0;
    while (budget.take(now))
      ++spent;
    return spent;
  };
  CHECK(spend(0s) == 1);
  for (int i = 0; i < 4; ++i)
    budget.on_request();
  CHECK(spend(0s) == 2);
  for (int i = 0; i < 100; ++i)
    budget.on_request();
  CHECK(spend(0s) == 3);
  CHECK(budget.left(1s) == doctest::Approx(1));
  CHECK(spend(2s) == 2);
  CHECK(spend(100s) == 3);
  CHECK(spend(50s) == 0); // a clock that goes back
}

TEST_CASE("a quantile of latencies is known after a hundred samples, and follows them") {
  latency_histogram latencies;
  for (int i = 1; i < 100; ++i)
    latencies.add(spi::timestamp{i});
  CHECK(latencies.quantile(0.5) == 0us);
  latencies.add(100us);
  CHECK(latencies.quantile(0.5) >= 50us);
  CHECK(latencies.quantile(0.5) <= 57us);
  for (int i = 0; i < 40'000; ++i)
    latencies.add(10ms);
  CHECK(latencies.quantile(0.01) >= 10ms);
  CHECK(latencies.quantile(0.99) <= 11'250us);
  latencies.add(spi::timestamp::max());
  latencies.add(-1us);
}
