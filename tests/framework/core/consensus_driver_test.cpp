#include "driver_fixture.hpp"

#include <doctest/doctest.h>

using namespace driver_test;

// -- messages and records ---------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a message leaves after its record is durable, and no later") {
  CHECK(drain(record(1), spi::send{2, "a", 1}, spi::send{3, "b", 0}, record(2),
              spi::send{2, "c", 2},
              spi::send{3, "d", 1}) == lines{"persist 1", "transmit 3 b 0", "persist 2"});
  CHECK(driver.held_sends() == 3);
  CHECK(after([&] { driver.on_durable(1); }) == lines{"transmit 2 a 1", "transmit 3 d 1"});
  CHECK(take_calls() == lines{"durable 1"});
  CHECK(after([&] { driver.on_durable(2); }) == lines{"transmit 2 c 2"});
  CHECK(drain(spi::send{2, "e", 2}) == lines{"transmit 2 e 0"});
}

TEST_CASE_FIXTURE(fixture, "a message for a record that was never made is a breach") {
  CHECK(drain(spi::send{2, "a", 1}) ==
        lines{"failure sends after token 1, which was never given out"});
  CHECK(env.failure == driver_failure::breach);
}

TEST_CASE_FIXTURE(fixture, "records have consecutive tokens") {
  CHECK(drain(record(1), record(3), record(4)) ==
        lines{"persist 1", "failure persists with token 3 after 1"});
  CHECK(driver.stopped());
}

TEST_CASE_FIXTURE(fixture, "a term counts as durable with the last record of its batch") {
  protocol.known.term = 4;
  protocol.known.committed = 9;
  protocol.known.accepted = 2;
  drain(record(1), record(2));
  protocol.known.term = 5;
  drain(record(3));
  CHECK(driver.durable_term() == 0);
  driver.on_durable(1);
  CHECK(driver.durable_term() == 0); // the second record may contain the term
  driver.on_durable(2);
  CHECK(driver.durable_term() == 4);
  driver.on_durable(3);
  drain(entries(1, 3));
  CHECK(driver.mark().term == 5);
  CHECK(driver.mark().entry == 2);
  protocol.known.accepted = 7;
  CHECK(driver.mark().entry == 3);
}

// -- entries and requests ---------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "entries are delivered without a gap, within a batch and between two") {
  CHECK(drain(entries(1, 2), spi::apply{}, entries(3, 3)) == lines{"apply 1-2", "apply 3-3"});
  SUBCASE("a batch begins too late") {
    CHECK(drain(entries(5, 6)) == lines{"failure applies index 5 after 3"});
  }
  SUBCASE("a batch begins too early") {
    CHECK(drain(entries(3, 4)) == lines{"failure applies index 3 after 3"});
  }
  SUBCASE("an entry is missing in a batch") {
    auto batch = entries(4, 6);
    batch.entries.erase(batch.entries.begin() + 1);
    CHECK(drain(std::move(batch)) == lines{"failure applies index 6 after 4"});
  }
  CHECK(driver.delivered() == 3);
}

TEST_CASE_FIXTURE(fixture, "a replica goes on after what its state machine has") {
  consensus_driver later{env, protocol};
  later.start({}, 6, {1});
  CHECK(protocol.calls == lines{"start after 6"});
  protocol.effects.push_back(entries(7, 7));
  later.drain();
  CHECK(env.done == lines{"apply 7-7"});
}

TEST_CASE_FIXTURE(fixture, "a proposal is answered once, after it is applied") {
  driver.propose(70, "put");
  driver.propose(71, "get");
  CHECK(take_calls() == lines{"propose 1 put", "propose 2 get"});
  CHECK(driver.proposals() == 2);
  CHECK(drain(entries(1, 2)) == lines{"apply 1-2"});
  CHECK(apply_up_to(2, {{2, "two"}, {1, "one"}}) == lines{"reply 71 two", "reply 70 one"});
  CHECK(driver.proposals() == 0);
  CHECK(apply_up_to(2, {{2, "two"}}) == lines{"unknown 2"});
  CHECK(drain(spi::refuse{1, spi::refusal::unknown, 0, "late"}) == lines{"unknown 1"});
}

TEST_CASE_FIXTURE(fixture, "a refusal goes to the request that it is for") {
  driver.propose(70, "put");
  driver.read(80, spi::read_level::linearizable);
  driver.reconfigure(90, {{1, 2}, {}}, std::vector<spi::replica_id>{3});
  CHECK(take_calls() == lines{"propose 1 put", "read 2", "lost 3", "reconfigure 3 2"});
  CHECK(drain(spi::refuse{2, spi::refusal::unknown, 0, "a read isn't refused like this"},
              spi::read_refused{1, 0, "nor a proposal like this"}) ==
        lines{"unknown 2", "unknown 1"});
  CHECK(drain(spi::refuse{3, spi::refusal::unknown, 0, "a"}, spi::read_refused{2, 0, "b"},
              spi::refuse{1, spi::refusal::not_proposed, 0, "c"}) ==
        lines{"refuse 90 a", "refuse read 80 b", "refuse 70 c"});
}

TEST_CASE_FIXTURE(fixture, "reads wait until their index is applied, and are answered together") {
  for (request_handle read = 80; read < 84; ++read)
    driver.read(read, spi::read_level::linearizable);
  CHECK(drain(spi::read_ready{1, 0}, spi::read_ready{2, 3}, spi::read_ready{3, 2},
              spi::read_ready{4, 3}, entries(1, 3)) == lines{"apply 1-3", "answer reads 80"});
  CHECK(apply_up_to(1) == lines{});
  CHECK(apply_up_to(2) == lines{"answer reads 82"});
  CHECK(apply_up_to(3) == lines{"answer reads 81,83"});
  CHECK(drain(spi::read_ready{4, 3}) == lines{"unknown 4"});
}

// -- validation -------------------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a verdict given at once is told after the other effects of the drain") {
  env.verdict = std::optional<std::string>{"too large"};
  CHECK(drain(spi::validate{5, "put"}, spi::send{2, "a", 0}) ==
        lines{"validate 5", "transmit 2 a 0", "transmit 2 vote 5 0"});
  CHECK(take_calls() == lines{"validated 5 false too large"});
}

TEST_CASE_FIXTURE(fixture, "a verdict that comes later is an event, and is told once") {
  drain(spi::validate{5, "put"}, spi::validate{6, "put"});
  auto scheduled = env.drains_scheduled;
  driver.on_validated(6, std::nullopt);
  CHECK(take_calls() == lines{"validated 6 true "});
  CHECK(env.drains_scheduled == scheduled + 1);
  driver.on_validated(6, std::nullopt);
  CHECK(take_calls() == lines{});
  driver.on_validated(5, std::nullopt);
  CHECK(take_calls() == lines{"validated 5 true "});
}

// -- snapshots and members --------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a snapshot that arrived replaces the entries up to its index") {
  driver.read(80, spi::read_level::linearizable);
  drain(entries(1, 2), spi::read_ready{1, 9});
  driver.on_snapshot_arrived(9, "blob");
  CHECK(take_calls() == lines{"read 1", "received 9 blob"});
  CHECK(drain(spi::install_snapshot{9}) == lines{"install 9"});
  CHECK(driver.installing());
  driver.on_snapshot_arrived(12, "dropped");
  CHECK(take_calls() == lines{});
  CHECK(drain(entries(10, 10)) == lines{"apply 10-10"});
  CHECK(after([&] { driver.on_installed(9); }) == lines{"answer reads 80"});
  CHECK(take_calls() == lines{"installed 9"});
  CHECK_FALSE(driver.installing());
  driver.on_snapshot_arrived(12, "again");
  CHECK(take_calls() == lines{"received 12 again"});
}

TEST_CASE_FIXTURE(fixture, "only a snapshot that arrived, and that is ahead, is installed") {
  drain(entries(1, 3));
  driver.on_snapshot_arrived(3, "");
  SUBCASE("another one arrived") {
    CHECK(drain(spi::install_snapshot{4}) ==
          lines{"failure installs a snapshot up to 4 that it didn't receive"});
  }
  SUBCASE("its entries were delivered") {
    CHECK(drain(spi::install_snapshot{3}) ==
          lines{"failure installs a snapshot up to 3 after applying 3"});
  }
  SUBCASE("another one is being installed") {
    driver.on_snapshot_arrived(5, "");
    CHECK(drain(spi::install_snapshot{5}, spi::install_snapshot{5}) ==
          lines{"install 5",
                "failure installs a snapshot up to 5 while another one is being installed"});
  }
}

TEST_CASE_FIXTURE(fixture, "the members are those of the birth until the protocol names others") {
  CHECK(driver.members().voters == std::vector<spi::replica_id>{1, 2, 3});
  CHECK(drain(spi::members_changed{{1, 2}, {4}}) == lines{"members"});
  CHECK(driver.members().voters == std::vector<spi::replica_id>{1, 2});
  CHECK(driver.members().learners == std::vector<spi::replica_id>{4});
}
