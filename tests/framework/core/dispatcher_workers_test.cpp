#include "dispatcher_fixture.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;
using namespace atl;
using fixture = test::dispatcher_fixture;
using test::hedged;
using test::narrow;

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

TEST_CASE("a worker that hedges outrun is known by its late answers") {
  fixture it{2, hedged()};
  it.submit();
  it.pass(20ms);
  it.dispatcher.on_answer(2, it.now);
  it.pass(40ms);
  it.dispatcher.on_answer(1, it.now);
  CHECK(it.balancer->outcomes == std::vector<std::pair<spi::slot, bool>>{{1, true}, {0, true}});
  CHECK(it.dispatcher.workers()[0].latency_us == 60'000);
}

TEST_CASE("a worker that answers nothing is ejected even if hedges win before the timeout") {
  auto options = hedged();
  options.outliers.failures = 1;
  options.attempt_timeout = 100ms;
  options.abandoned_max = 5s;
  fixture it{2, options};
  it.submit();
  it.pass(20ms);
  it.dispatcher.on_answer(2, it.now);
  it.pass(79ms);
  CHECK(it.dispatcher.load().ejected == 0);
  it.pass(1ms);
  CHECK(it.dispatcher.load().ejected == 1);
  CHECK(it.dispatcher.workers()[0].in_flight == 1);
  SUBCASE("its answer comes after all, and doesn't count a second time") {
    it.dispatcher.on_answer(1, it.now);
    CHECK(it.balancer->outcomes == std::vector<std::pair<spi::slot, bool>>{{1, true}, {0, false}});
    CHECK(it.dispatcher.workers()[0].in_flight == 0);
  }
  SUBCASE("its place is free after the usual time") {
    it.pass(4919ms);
    CHECK(it.dispatcher.workers()[0].in_flight == 1);
    it.pass(1ms);
    CHECK(it.dispatcher.workers()[0].in_flight == 0);
    CHECK(it.dispatcher.next_timer() == no_deadline);
  }
}
