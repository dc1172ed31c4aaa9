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

TEST_CASE("a place that becomes free at the time of another event is taken at once") {
  auto options = narrow(1);
  options.abandoned_max = 5s;
  options.outliers.failures = 0;
  fixture it{1, options};
  it.submit(true, 1s);
  it.pass(1s);
  it.submit(true, 20s);
  it.effects();
  it.now += 5s;
  SUBCASE("a request") {
    it.submit(true, 20s); // the queue holds one, which makes room for this one
    CHECK(it.effects() == "send 2 to 1");
    CHECK(it.dispatcher.load().queued == 1);
  }
  SUBCASE("an answer to nothing") {
    it.dispatcher.on_answer(77, it.now);
    CHECK(it.effects() == "send 2 to 1");
  }
  SUBCASE("a failure of nothing") {
    it.fail(77);
    CHECK(it.effects() == "send 2 to 1");
  }
}

TEST_CASE("a request whose deadline has passed isn't sent again by an event that comes late") {
  dispatch_options options;
  options.attempt_timeout = 10ms;
  fixture it{2, options};
  it.submit(true, 20ms);
  it.effects();
  it.pass(30ms);
  CHECK(it.effects() == "cancel 1; timeout for 1 in doubt");
  CHECK(it.dispatcher.counters().timed_out == 1);
}

TEST_CASE("requests that wait are sent when an ejection ends") {
  auto options = narrow(5);
  options.outliers.failures = 1;
  options.outliers.ejection = 5s;
  fixture it{2, options};
  it.submit(false);
  it.fail(1);
  it.submit();
  it.effects();
  it.dispatcher.on_answer(2, it.now);
  it.submit(true, 60s);
  CHECK(it.dispatcher.next_timer() == it.now + 60s); // nobody waits for the end of the ejection
  it.dispatcher.submit({0, no_deadline, true, 1}, it.now);
  CHECK(it.dispatcher.next_timer() == it.now + 5s);
  it.effects();
  it.pass(5s);
  CHECK(it.effects() == "send 4 to 1");
  CHECK(it.dispatcher.next_timer() == 60s);
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

TEST_CASE("a worker that refuses fast doesn't draw the requests") {
  dispatch_options options;
  options.busy_pause = 5ms;
  options.queue.requests_max = 5;
  fixture it{2, options};
  it.submit();
  it.fail(1, attempt_failure::busy);
  it.submit();
  it.submit();
  CHECK(it.effects() == "send 1 to 1; send 1 to 2; send 2 to 2; send 3 to 2");
  CHECK(it.dispatcher.load().full == 1);
  it.fail(4, attempt_failure::busy); // both refuse: the requests wait
  it.submit(false);
  CHECK(it.effects().empty());
  it.pass(5ms);
  CHECK(it.effects() == "send 3 to 1; send 4 to 1");
  CHECK(it.dispatcher.load().full == 0);
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
  CHECK(it.effects() == "cancel 2; send 2 to 1");
  REQUIRE(it.set_workers(0).has_value());
  CHECK(it.effects() == "cancel 3; unavailable for 2 in doubt");
}

TEST_CASE("a worker that comes back still works on what it was sent before") {
  for (auto was_refused : {false, true})
    for (auto answers : {false, true}) {
      CAPTURE(was_refused);
      CAPTURE(answers);
      auto options = narrow(5);
      options.abandoned_max = 5s;
      fixture it{1, options};
      it.submit(false);
      it.balancer->throws_in_update = was_refused;
      it.set_workers(was_refused ? 2 : 0);
      it.balancer->throws_in_update = false;
      REQUIRE(it.set_workers(1).has_value());
      it.submit(false, 60s);
      CHECK(it.effects().ends_with("1 in doubt"));
      CHECK(it.dispatcher.workers()[0].in_flight == 1);
      if (answers)
        it.dispatcher.on_answer(1, it.now);
      else
        it.pass(5s);
      CHECK(it.effects() == "send 2 to 1");
      CHECK(it.dispatcher.workers()[0].in_flight == 1);
    }
}

TEST_CASE("when all workers leave at once, none of them gets what another one gives back") {
  dispatch_options options;
  fixture it{2, options};
  it.submit();
  it.submit();
  it.effects();
  REQUIRE(it.set_workers(0).has_value());
  CHECK(it.effects() ==
        "cancel 1; cancel 2; unavailable for 1 in doubt; unavailable for 2 in doubt");
  CHECK(it.last_message == "the pool has no workers; expected at least one (after 2 attempts)");
}

TEST_CASE("a request fails once when its worker and that of its hedge leave") {
  auto options = hedged();
  options.worker_requests_max = 1;
  fixture it{3, options};
  for (int i = 0; i < 3; ++i)
    it.submit(i == 0);
  it.dispatcher.on_answer(2, it.now);
  it.pass(20ms);
  CHECK(it.effects() == "send 1 to 1; send 2 to 2; send 3 to 3; answer to 2 by 2; send 1 to 2");
  std::vector<pool_member> third(1);
  third[0].id = 3;
  REQUIRE(it.dispatcher.set_workers(third, it.now).has_value());
  CHECK(it.effects() == "cancel 1; cancel 4");
  CHECK(it.dispatcher.counters().retries == 1);
  it.dispatcher.on_answer(3, it.now);
  CHECK(it.effects() == "answer to 3 by 3; send 1 to 3");
}

TEST_CASE("an event that comes late doesn't send what was due to a worker that is lost by it") {
  dispatch_options options;
  options.attempt_timeout = 10ms;
  fixture it{2, options};
  it.submit();
  it.effects();
  it.now += 20ms;
  SUBCASE("lost") {
    it.dispatcher.on_worker_lost(2, "it ended", it.now);
  }
  SUBCASE("drained") {
    it.dispatcher.set_available(2, false, it.now);
  }
  SUBCASE("left") {
    REQUIRE(it.set_workers(1).has_value());
  }
  CHECK(it.effects() == "cancel 1; send 1 to 1");
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

TEST_CASE("an attempt that its host has ended counts against its worker only if it took long") {
  auto options = hedged();
  options.outliers.failures = 1;
  fixture it{2, options};
  it.submit();
  SUBCASE("the requester gave up soon") {
    it.pass(19ms);
    it.dispatcher.cancel(1, it.now);
    it.dispatcher.on_cancelled(1, it.now);
    CHECK(it.balancer->outcomes.empty());
  }
  SUBCASE("a hedge outran it") {
    it.pass(20ms);
    it.dispatcher.on_answer(2, it.now);
    it.dispatcher.on_cancelled(1, it.now);
    CHECK(it.balancer->outcomes == std::vector<std::pair<spi::slot, bool>>{{1, true}, {0, false}});
    CHECK(it.dispatcher.load().ejected == 1);
  }
  SUBCASE("it outran its hedge") {
    it.pass(20ms);
    it.dispatcher.on_answer(1, it.now);
    it.dispatcher.on_cancelled(2, it.now);
    CHECK(it.balancer->outcomes == std::vector<std::pair<spi::slot, bool>>{{0, true}});
  }
  CHECK(it.dispatcher.load().in_flight == 0);
}

TEST_CASE("an attempt that wasn't given up isn't ended by the host") {
  fixture it{2, hedged()};
  it.submit();
  it.dispatcher.on_cancelled(1, it.now);
  CHECK(it.dispatcher.load().in_flight == 1);
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
