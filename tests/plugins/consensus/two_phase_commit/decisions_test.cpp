#include "scenario.hpp"

/// One decision for each index: votes, decisions, and messages that arrive late.
using namespace two_phase_commit;

TEST_CASE("a write is applied on every replica, and every replica serves the read") {
  group it{3};
  it.await_leader();
  CHECK(it.must_write(7) == 1);
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    CHECK(it.must_read(id) == 7);
  it.must_agree();
}

TEST_CASE("a write is not answered before it is durable on each participant") {
  group it{3};
  it.await_leader();
  it.stall_disk(3, milliseconds{700});
  auto ticket = it.write(7);
  it.run_for(milliseconds{600});
  CHECK(it.outcome(ticket).kind == answer_kind::pending);
  CHECK(it.await(ticket).kind == answer_kind::applied);
  it.must_agree();
}

TEST_CASE("a vote that was sent is durable when the participant crashes with unsynced writes") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  it.crash(2, 0);
  it.crash(3, 0);
  it.crash(1, 0);
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    it.restart(id);
  it.pass_all_messages();
  it.await_leader();
  CHECK(it.must_read(3) == 7);
  CHECK(it.must_read(2) == 7);
  it.must_agree();
}

TEST_CASE("a no vote of a participant aborts the write, and its reason reaches the client") {
  group it{3};
  it.await_leader();
  it.reject_validations(3);
  auto refused = it.await(it.write(7));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "replica 3 voted no: the state machine objects"));
  it.reject_validations(3, false);
  CHECK(it.must_write(8) == 2); // the aborted index is not reused
  CHECK(it.must_read(2) == 8);
  it.must_agree();
}

TEST_CASE("a no of the coordinator refuses the write without using an index") {
  group it{3};
  it.await_leader();
  it.reject_validations(1);
  auto refused = it.await(it.write(7));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "replica 1 voted no"));
  it.reject_validations(1, false);
  CHECK(it.must_write(8) == 1);
}

TEST_CASE("a yes vote that arrives after the abort changes nothing") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::vote, filter_action::hold, 2);
  auto refused = it.await(it.write(7));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "no vote arrived in time from replica 2"));
  it.pass_all_messages();
  it.release_held();
  it.run_for(seconds{2});
  CHECK(it.must_write(8) == 2);
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    CHECK(it.must_read(id) == 8);
  it.must_agree();
}

TEST_CASE("prepares of an earlier incarnation of the coordinator do not revive entries that were "
          "aborted") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::prepare, filter_action::hold);
  auto ticket = it.write(7);
  it.run_for(milliseconds{50});
  it.crash(1);
  CHECK(it.outcome(ticket).kind == answer_kind::lost);
  it.restart(1);
  it.run_for(milliseconds{5}); // no participant has promised the new epoch yet
  it.pass_all_messages();
  it.release_held();
  it.await_leader();
  CHECK(it.must_write(8) == 2);
  it.must_agree();
  CHECK(it.must_read(2) == 8);
}

TEST_CASE("a prepare that arrives after its index was aborted gets no vote") {
  group it{3};
  it.await_leader();
  std::string prepare;
  it.filter([&](auto, auto to, std::string_view bytes) {
    if (group::type_of(bytes) == message_type::prepare && to == 2) {
      prepare = bytes;
      return filter_action::drop;
    }
    return filter_action::pass;
  });
  auto ticket = it.write(7);
  CHECK(it.await(ticket).kind == answer_kind::refused);
  it.pass_all_messages();
  it.deliver(1, 2, prepare);
  it.run_for(seconds{1});
  CHECK(it.status(2).committed == 1);
  CHECK(it.must_write(8) == 2);
  it.must_agree();
}

TEST_CASE("votes for an earlier incarnation of the coordinator do not count in the next one") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::vote, filter_action::hold);
  it.write(7);
  it.run_for(milliseconds{50});
  it.crash(1, 0);
  it.restart(1);
  it.pass_all_messages();
  it.release_held();
  it.await_leader();
  CHECK(it.must_write(8) == 2);
  it.must_agree();
  CHECK(it.value(1, 1) == 8);
}

TEST_CASE("participants and the coordinator write concurrently, and the answer waits for both") {
  group it{3};
  it.await_leader();
  it.stall_disk(1, milliseconds{700});
  auto ticket = it.write(7);
  it.run_for(milliseconds{300});
  CHECK(it.status(2).accepted == 1);
  CHECK(it.status(3).accepted == 1);
  CHECK(it.outcome(ticket).kind == answer_kind::pending);
  CHECK(it.await(ticket).kind == answer_kind::applied);
  it.must_agree();
}

TEST_CASE(
    "an entry that participants prepared and the coordinator lost is aborted, and its index is "
    "not reused") {
  group it{3};
  it.await_leader();
  it.stall_disk(1, milliseconds{700});
  it.write(7);
  it.run_for(milliseconds{300});
  it.crash(1, 0);
  it.restart(1);
  it.await_leader();
  CHECK(it.must_write(8) == 2);
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    CHECK(it.must_read(id) == 8);
  it.must_agree();
}

TEST_CASE(
    "a restarted coordinator refuses reads while an entry that it may have answered is in doubt") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  it.crash(1, 0);
  it.isolate(3);
  it.restart(1);
  auto refused = it.await(it.read(1, 1));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "replica 1 holds index 1 in doubt"));
  CHECK(contains(refused.reason, "replica 3"));
  it.heal_network();
  it.pass_all_messages();
  CHECK(it.must_read(1) == 7);
  it.must_agree();
}

TEST_CASE("a write that was decided before the coordinator crashed is committed by its next "
          "incarnation") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  it.crash(1, 0);
  it.pass_all_messages();
  auto early = it.await(it.read(2, 1));
  CHECK(early.kind ==
        answer_kind::refused); // in doubt, and no reachable replica knows the decision
  CHECK(contains(early.reason, "replica 2 holds index 1 in doubt"));
  it.restart(1);
  CHECK(it.must_read(2) == 7);
  CHECK(it.must_read(3) == 7);
  it.must_agree();
}

TEST_CASE(
    "a participant in doubt learns the decision from another participant while the coordinator "
    "is down") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::drop, 1, 3);
  it.must_write(7);
  it.crash(1);
  CHECK(it.must_read(3) == 7);
  CHECK(!it.up(1));
  CHECK(it.violation() == "");
}

TEST_CASE("a participant that restarts in doubt fetches the decision and does not guess it") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  it.crash(3, 0);
  it.isolate(3);
  it.restart(3);
  CHECK(it.await(it.read(3, 1)).kind == answer_kind::refused);
  CHECK(it.status(3).committed == 0);
  it.heal_network();
  it.pass_all_messages();
  CHECK(it.must_read(3) == 7);
  it.must_agree();
}

TEST_CASE("a lost decision message is recovered without a further write") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  it.pass_all_messages();
  it.run_for(seconds{1});
  CHECK(it.applied(2) == 1);
  CHECK(it.applied(3) == 1);
}

TEST_CASE("entries are decided in any order and applied in log order") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::prepare, filter_action::drop, 1, 2);
  auto first = it.write(7);
  it.run_for(milliseconds{20});
  it.pass_all_messages();
  auto second = it.write(8);
  it.run_for(milliseconds{20});
  CHECK(it.outcome(second).kind == answer_kind::pending); // applied only after the first write
  CHECK(it.await(first).kind == answer_kind::applied);    // whose prepare was sent again
  CHECK(it.await(second).kind == answer_kind::applied);
  it.must_agree();
  CHECK(it.value(2, 1) == 8);
}

TEST_CASE("a failed sync stops the replica before it acknowledges anything else") {
  group it{3};
  it.await_leader();
  it.fail_next_sync(2);
  auto ticket = it.write(7);
  it.run_for(milliseconds{100});
  CHECK(!it.up(2));
  CHECK(it.outcome(ticket).kind == answer_kind::pending);
  CHECK(it.await(ticket).kind != answer_kind::pending); // the host restarted the replica
  it.await_leader();
  it.must_write(8);
  it.must_agree();
}
