#include "driver_fixture.hpp"

#include <doctest/doctest.h>

using namespace driver_test;

// -- the end ----------------------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a protocol that throws isn't called again") {
  driver.propose(70, "put");
  drain(record(1), spi::send{2, "a", 1});
  take_calls();
  SUBCASE("from an event") {
    CHECK(after([&] { driver.call([](auto& it) { it.step(2, "throw"); }); }) ==
          lines{"failure on purpose"});
  }
  SUBCASE("from an event, something odd") {
    CHECK(after([&] { driver.call([](auto& it) { it.step(2, "throw a number"); }); }) ==
          lines{"failure something that is no std::exception"});
  }
  SUBCASE("from drain") {
    protocol.throws_from_drain = true;
    CHECK(drain() == lines{"failure no effects"});
  }
  SUBCASE("from a question") {
    CHECK(after([&] { CHECK(driver.snapshot_blob(1) == std::nullopt); }) ==
          lines{"failure no blob"});
  }
  CHECK(env.failure == driver_failure::threw);
  CHECK(driver.stopped());
  CHECK(after([&] {
          driver.call([](auto& it) { it.step(2, "more"); });
          driver.on_durable(1);
          driver.on_entries_applied(0, {});
          driver.on_snapshot_arrived(3, "");
          driver.on_installed(3);
          driver.drain();
        }) == lines{});
  CHECK(take_calls() == lines{});
  CHECK(driver.deadline() == spi::timestamp::max());
}

TEST_CASE_FIXTURE(fixture, "a protocol that can't go on stops with its reason") {
  CHECK(drain(spi::fatal{"a record is damaged"}, spi::send{2, "a", 0}) ==
        lines{"failure a record is damaged"});
  CHECK(env.failure == driver_failure::fatal);
}

TEST_CASE_FIXTURE(fixture, "a replica that crashes before an effect does nothing of what follows") {
  env.stops_at_step = 2;
  CHECK(drain(spi::send{2, "a", 0}, spi::send{2, "b", 0}, spi::send{2, "c", 0}) ==
        lines{"transmit 2 a 0"});
  CHECK(drain() == lines{});
}

TEST_CASE_FIXTURE(fixture, "a replica may crash between two messages that waited, and after them") {
  drain(record(1), spi::send{2, "a", 1}, spi::send{3, "b", 1});
  take_calls();
  SUBCASE("between") {
    env.stops_at_step = 2;
    CHECK(after([&] { driver.on_durable(1); }) == lines{"transmit 2 a 1"});
  }
  SUBCASE("after") {
    env.stops_at_step = 3;
    CHECK(after([&] { driver.on_durable(1); }) == lines{"transmit 2 a 1", "transmit 3 b 1"});
  }
  CHECK(take_calls() == lines{});
}

TEST_CASE_FIXTURE(fixture, "each event asks for one drain") {
  driver.propose(70, "put");
  CHECK(env.drains_scheduled == 1);
  driver.call([](auto& it) {
    it.step(2, "a");
    it.step(2, "b");
  });
  CHECK(env.drains_scheduled == 2);
  CHECK(take_calls() == lines{"propose 1 put", "step 2 a", "step 2 b"});
}
