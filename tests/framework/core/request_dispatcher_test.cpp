#include "scripted_balancer.hpp"

#include <atoll/core/request_dispatcher.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace atl;

namespace {

/// A dispatcher over workers 1, 2, …, and what it wants done.
struct fixture {
  std::shared_ptr<test::scripted_balancer> balancer = std::make_shared<test::scripted_balancer>();
  request_dispatcher dispatcher;
  spi::timestamp now{0};

  explicit fixture(int workers, dispatch_options options = {})
      : dispatcher{balancer, "scripted", options} {
    REQUIRE(set_workers(workers).has_value());
  }
  status set_workers(int count) {
    std::vector<pool_member> list(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < list.size(); ++i)
      list[i].id = i + 1;
    return dispatcher.set_workers(std::move(list), now);
  }
  std::uint64_t submit(bool repeatable = true, spi::timestamp within = 1s,
                       std::uint64_t bytes = 100) {
    return dispatcher.submit({0, now + within, repeatable, bytes, {}}, now);
  }
  std::uint64_t submit_among(std::vector<std::uint64_t> workers) {
    return dispatcher.submit({0, now + 1s, true, 100, std::move(workers)}, now);
  }
  void fail(std::uint64_t attempt, attempt_failure how = attempt_failure::failed) {
    dispatcher.on_failure(attempt, how, {errc::unavailable, "it broke"}, now);
  }
  void pass(spi::timestamp time) { dispatcher.advance(now += time); }

  /// `send 1 to 2`, `cancel 1`, `answer to 1 by 1`, `busy for 1`, one after the other; numbers of
  /// requests and attempts both count from 1.
  std::string effects() {
    std::vector<dispatch_effect> drained;
    dispatcher.drain(drained);
    std::string text;
    for (auto& each : drained) {
      text += text.empty() ? "" : "; ";
      if (auto* sent = std::get_if<send_attempt>(&each))
        text += "send " + std::to_string(sent->request) + " to " + std::to_string(sent->worker);
      else if (auto* cancelled = std::get_if<cancel_attempt>(&each))
        text += "cancel " + std::to_string(cancelled->attempt);
      else
        text += completion(std::get<complete_request>(each));
    }
    return text;
  }
  std::string last_message;

 private:
  std::string completion(const complete_request& done) {
    auto request = std::to_string(done.request);
    if (!done.problem)
      return "answer to " + request + " by " + std::to_string(done.attempt);
    last_message = done.problem->message;
    return std::string{to_string(done.problem->code)} + " for " + request +
           (done.in_doubt ? " in doubt" : "");
  }
};

dispatch_options narrow(std::size_t queue, overflow_policy overflow = overflow_policy::reject) {
  dispatch_options options;
  options.worker_requests_max = 1;
  options.queue.requests_max = queue;
  options.queue.overflow = overflow;
  return options;
}

} // namespace

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

TEST_CASE("a pool without workers, and one whose workers are all down, refuse at once") {
  fixture it{0};
  it.submit();
  CHECK(it.effects() == "unavailable for 1");
  CHECK(it.last_message == "the pool has no workers; expected at least one");
  REQUIRE(it.set_workers(2).has_value());
  for (std::uint64_t worker : {1, 2})
    it.dispatcher.set_available(worker, false, it.now);
  it.submit();
  CHECK(it.effects() == "unavailable for 2");
  CHECK(it.last_message == "none of the 2 workers is available");
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

TEST_CASE("a worker that never answers is tried again when its place was kept long enough") {
  auto options = narrow(5);
  options.abandoned_max = 5s;
  options.outliers.failures = 0;
  fixture it{1, options};
  it.submit(true, 1s);
  it.pass(1s);
  it.submit(true, 10s);
  it.effects();
  it.pass(4999ms);
  CHECK(it.effects().empty());
  it.pass(1ms);
  CHECK(it.effects() == "send 2 to 1");
}

TEST_CASE("a request that takes long is sent to a second worker, and the first answer counts") {
  dispatch_options options;
  options.hedge_after = 20ms;
  fixture it{2, options};
  it.submit();
  it.pass(20ms);
  CHECK(it.effects() == "send 1 to 1; send 1 to 2");
  it.dispatcher.on_answer(2, it.now);
  CHECK(it.effects() == "answer to 1 by 2; cancel 1");
  CHECK(it.dispatcher.counters().hedges_won == 1);
  it.dispatcher.on_answer(1, it.now);
  CHECK(it.effects().empty());
  // The slow worker's outcome counts for nothing.
  CHECK(it.balancer->outcomes == std::vector<std::pair<spi::slot, bool>>{{1, true}});
}

TEST_CASE("one of two attempts may fail") {
  dispatch_options options;
  options.hedge_after = 20ms;
  fixture it{2, options};
  it.submit();
  it.pass(20ms);
  it.fail(1);
  CHECK(it.effects() == "send 1 to 1; send 1 to 2");
  it.dispatcher.on_answer(2, it.now);
  CHECK(it.effects() == "answer to 1 by 2");
}

TEST_CASE("only what may be repeated is hedged, within the budget, at a worker with a free place") {
  auto options = narrow(5);
  options.hedge_after = 20ms;
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

TEST_CASE("a lost worker's requests fail over, and it counts as one failure") {
  dispatch_options options;
  options.outliers.failures = 2;
  fixture it{2, options};
  it.submit(true);
  it.submit(true);
  it.submit(false);
  it.effects();
  it.dispatcher.on_worker_lost(1, "it ended", it.now);
  CHECK(it.effects() == "send 1 to 2; send 2 to 2; unavailable for 3 in doubt");
  CHECK(it.last_message == "it ended");
  it.dispatcher.set_available(1, true, it.now);
  CHECK(it.dispatcher.load().ejected == 0);
  it.submit();
  it.dispatcher.on_worker_lost(1, "it ended", it.now);
  CHECK(it.dispatcher.load().ejected == 1);
}

TEST_CASE("a worker that is busy isn't blamed; one that lets deadlines pass is, if it had time") {
  dispatch_options options;
  options.outliers.failures = 1;
  fixture it{5, options};
  it.submit(false);
  it.fail(1, attempt_failure::busy);
  it.fail(2, attempt_failure::busy);
  CHECK(it.dispatcher.load().ejected == 0);
  it.effects();
  it.pass(900ms);
  // A retry begins shortly before the deadline: worker 2 had no time. Worker 1 had.
  it.submit(true);
  it.pass(950ms);
  it.fail(4, attempt_failure::busy);
  it.pass(50ms);
  CHECK(it.dispatcher.counters().timed_out == 2);
  CHECK(it.dispatcher.load().ejected == 1);
  CHECK(it.dispatcher.workers()[2].ejected);
}

TEST_CASE("a hedge doesn't go to an ejected worker") {
  dispatch_options options;
  options.outliers.failures = 1;
  options.outliers.ejection = 5s;
  options.hedge_after = 20ms;
  fixture it{2, options};
  it.submit(false);
  it.fail(1);
  it.submit();
  it.effects();
  it.pass(20ms);
  CHECK(it.effects().empty());
}

TEST_CASE("a worker that leaves gives its requests back; one that drains ends them") {
  fixture it{2};
  it.dispatcher.set_available(2, false, it.now);
  it.submit();
  it.dispatcher.set_available(1, false, it.now);
  it.dispatcher.set_available(2, true, it.now);
  it.submit();
  CHECK(it.effects() == "send 1 to 1; send 2 to 2");
  it.dispatcher.on_answer(1, it.now);
  CHECK(it.effects() == "answer to 1 by 1");
  it.dispatcher.set_available(1, true, it.now);
  REQUIRE(it.set_workers(1).has_value());
  CHECK(it.effects() == "send 2 to 1");
  REQUIRE(it.set_workers(0).has_value());
  CHECK(it.effects() == "unavailable for 2 in doubt");
}

TEST_CASE("an ejected worker isn't used while healthy ones are only full") {
  auto options = narrow(5);
  options.outliers.failures = 1;
  options.outliers.ejection = 5s;
  fixture it{2, options};
  it.submit(false);
  it.fail(1);
  it.effects();
  CHECK(it.dispatcher.load().ejected == 1);
  it.submit();
  it.submit();
  CHECK(it.effects() == "send 2 to 2");
  it.dispatcher.set_available(2, false, it.now); // nobody else is left
  CHECK(it.effects() == "send 3 to 1");
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
}

TEST_CASE("a balancer that throws costs the requests that it throws for") {
  fixture it{1};
  it.balancer->on_pick = [](auto&, auto&) -> spi::slot { throw std::runtime_error{"no idea"}; };
  it.submit();
  CHECK(it.effects() == "internal for 1");
  CHECK(it.last_message == "the balancer plugin 'scripted' threw: no idea; choose another plugin, "
                           "or fix this one");
  it.balancer->on_pick = [](auto&, auto&) { return spi::no_slot; };
  it.submit();
  CHECK(it.effects() == "unavailable for 2");
  it.balancer->on_pick = nullptr;
  it.submit();
  CHECK(it.effects() == "send 3 to 1");
}

TEST_CASE("workers that the balancer threw for are told to it again") {
  fixture it{1};
  it.balancer->throws_in_update = true;
  CHECK(it.set_workers(2).error().code == errc::internal);
  it.submit();
  CHECK(it.effects() == "unavailable for 1");
  it.balancer->throws_in_update = false;
  it.dispatcher.set_available(1, false, it.now); // it isn't forgotten meanwhile
  it.pass(1s);
  it.submit();
  CHECK(it.effects() == "send 2 to 2");
}

TEST_CASE("a list of workers that makes no sense changes nothing") {
  fixture it{1};
  std::vector<pool_member> twice(2);
  CHECK(it.dispatcher.set_workers(twice, it.now).error().code == errc::invalid);
  it.submit();
  CHECK(it.effects() == "send 1 to 1");
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
  CHECK(it.effects() == "unavailable for 3; unavailable for 2 in doubt");
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
  dispatch_options options;
  options.hedge_after = 10ms;
  fixture it{4, options};
  it.submit_among({2, 4});
  CHECK(it.effects() == "send 1 to 2");
  it.pass(10ms);
  CHECK(it.effects() == "send 1 to 4");
}
