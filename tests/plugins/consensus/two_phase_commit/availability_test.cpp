#include "scenario.hpp"

/// Availability: what still works while a replica is down, and how refusals explain themselves.
using namespace two_phase_commit;

TEST_CASE("writes are refused at once with the participant's name while a participant is down") {
  group it{3};
  it.await_leader();
  it.must_write(7);
  it.crash(3);
  it.run_for(seconds{2});
  auto before = it.now();
  auto refused = it.await(it.write(8));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(it.now() - before < milliseconds{5});
  CHECK(contains(refused.reason, "replica 3 has not been heard from for"));
  CHECK(contains(it.status(1).blocked, "replica 3"));
  it.restart(3);
  it.await_leader();
  CHECK(it.must_write(9) == 2);
  it.must_agree();
}

TEST_CASE("a restarted participant is reported as having lost its disk only if it has") {
  for (bool lost : {false, true}) {
    CAPTURE(lost);
    group it{3};
    it.await_leader();
    it.must_write(7);
    it.run_for(milliseconds{300});
    lost ? it.lose_disk(3) : it.crash(3);
    it.on_messages(message_type::heartbeat, filter_action::drop, 1, 3);
    it.restart(3);
    it.run_for(milliseconds{500}); // it is heard, and doesn't yet know whom it speaks to
    CHECK(contains(it.status(1).blocked, "replica 3 has restarted"));
    CHECK_FALSE(contains(it.status(1).blocked, "lost its disk"));
    it.on_messages(message_type::entries, filter_action::drop);
    it.run_for(milliseconds{500});
    CHECK(it.status(1).blocked == (lost ? "replica 3 lost its disk, or is new, and is catching up: "
                                          "it has 0 of 1 entries"
                                        : ""));
    it.pass_all_messages();
    it.must_write(8);
    it.must_agree();
  }
}

TEST_CASE("an unreachable hint refuses writes until the participant is heard from again") {
  group it{3};
  it.await_leader();
  it.unreachable(1, 2);
  auto refused = it.await(it.write(7));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "replica 2 is unreachable"));
  it.await_leader(); // its next heartbeat proves the hint wrong
  it.must_write(8);
}

TEST_CASE("a crash of a participant aborts an open write with the participant's name") {
  group it{3, {{"vote_timeout", "1m"}}};
  it.await_leader();
  it.on_messages(message_type::vote, filter_action::drop, 2);
  auto ticket = it.write(7);
  it.run_for(milliseconds{300});
  CHECK(it.outcome(ticket).kind == answer_kind::pending);
  it.crash(2);
  auto refused = it.await(ticket);
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "replica 2 has not been heard from"));
}

TEST_CASE("every participant serves reads while the coordinator is down") {
  group it{5};
  it.await_leader();
  it.must_write(7);
  it.run_for(milliseconds{10});
  it.crash(1);
  it.run_for(seconds{5});
  for (atl::spi::replica_id id = 2; id <= 5; ++id) {
    CHECK(it.must_read(id) == 7);
    CHECK(contains(it.status(id).blocked, "the coordinator is down: replica 1"));
  }
  CHECK(it.violation() == "");
}

TEST_CASE("a proposal at a participant is refused with the coordinator as the hint") {
  group it{3};
  it.await_leader();
  auto refused = it.await(it.write(7, 1, 2));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(refused.hint == 1);
}

TEST_CASE("a proposal at a participant is refused with the reason while the coordinator is down") {
  group it{3};
  it.await_leader();
  it.crash(1);
  it.run_for(seconds{2});
  auto refused = it.await(it.write(7, 1, 2));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(refused.hint == 0);
  CHECK(contains(refused.reason, "the coordinator is down: replica 1 has not been heard from"));
}

TEST_CASE("a read at a participant waits while an entry is in doubt") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::hold, 1, 2);
  it.must_write(7);
  auto ticket = it.read(2, 1);
  it.run_for(milliseconds{5});
  CHECK(it.outcome(ticket).kind == answer_kind::pending); // the write was answered before it
  it.pass_all_messages();
  it.release_held();
  auto& got = it.await(ticket);
  CHECK(got.kind == answer_kind::read);
  CHECK(got.result.result == 7);
}

TEST_CASE("a local read is answered from the applied state while an entry is in doubt") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::hold, 1, 2);
  it.must_write(7);
  auto& got = it.await(it.read(2, 1, atl::spi::read_level::local));
  CHECK(got.kind == answer_kind::read);
  CHECK(got.result.result == register_value{});
}

TEST_CASE("a restarted replica replays its log before it answers a read") {
  group it{3};
  it.await_leader();
  for (int i = 1; i <= 20; ++i)
    it.must_write(i);
  for (atl::spi::replica_id id = 1; id <= 3; ++id) {
    it.crash(id, 0);
    it.restart(id);
    CHECK(it.must_read(id) == 20);
  }
  it.must_agree();
}

TEST_CASE("a coordinator that resumes after a pause does not keep participants marked as down") {
  group it{3};
  it.await_leader();
  it.pause(1, seconds{5});
  it.run_for(seconds{6});
  it.await_leader();
  it.must_write(7);
  it.must_agree();
}

TEST_CASE("a disk stall of two seconds aborts writes and does not change the term") {
  group it{3};
  it.await_leader();
  auto term = it.status(1).term;
  it.stall_disk(1, seconds{2});
  auto ticket = it.write(7);
  CHECK(it.await(ticket).kind == answer_kind::refused);
  it.await_leader();
  it.must_write(8);
  CHECK(it.status(1).term == term);
  it.must_agree();
}

TEST_CASE("a one-way cut blocks writes until it is healed") {
  for (bool outward : {true, false}) {
    group it{3};
    it.await_leader();
    outward ? it.cut(1, 2) : it.cut(2, 1);
    CHECK(it.await(it.write(7)).kind == answer_kind::refused);
    it.heal_network();
    it.run_for(seconds{2});
    it.await_leader();
    it.must_write(8);
    it.must_agree();
  }
}

TEST_CASE("a group of one commits with its own vote") {
  group it{1};
  it.await_leader();
  it.must_write(7);
  it.crash(1, 0);
  it.restart(1);
  CHECK(it.must_read(1) == 7);
  it.must_write(8);
}
