#include "scenario.hpp"

/// One decision an index: who votes, who decides, and what crosses it on the way.
using namespace two_phase_commit;

TEST_CASE("a write is applied on every replica, and each of them answers reads by itself") {
  group it{3};
  it.settle();
  CHECK(it.must_write(7) == 1);
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    CHECK(it.must_read(id) == 7);
  it.must_agree();
}

TEST_CASE("a write is not answered before each participant has it on disk") {
  group it{3};
  it.settle();
  it.stall_disk(3, milliseconds{700});
  auto ticket = it.write(7);
  it.run_for(milliseconds{600});
  CHECK(it.outcome(ticket).kind == answer_kind::pending);
  CHECK(it.await(ticket).kind == answer_kind::applied);
  it.must_agree();
}

TEST_CASE("a vote that was sent is still on disk after the participant crashes with all it had") {
  group it{3};
  it.settle();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  it.crash(2, 0);
  it.crash(3, 0);
  it.crash(1, 0);
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    it.restart(id);
  it.all_messages_pass();
  it.settle();
  CHECK(it.must_read(3) == 7);
  CHECK(it.must_read(2) == 7);
  it.must_agree();
}

TEST_CASE("a participant that says no aborts the write, and its reason reaches the client") {
  group it{3};
  it.settle();
  it.object(3);
  auto refused = it.await(it.write(7));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "replica 3 voted no: the state machine objects"));
  it.object(3, false);
  CHECK(it.must_write(8) == 2); // the index is used up, by nothing
  CHECK(it.must_read(2) == 8);
  it.must_agree();
}

TEST_CASE("the coordinator may say no as well, and then no index is used") {
  group it{3};
  it.settle();
  it.object(1);
  auto refused = it.await(it.write(7));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "replica 1 voted no"));
  it.object(1, false);
  CHECK(it.must_write(8) == 1);
}

TEST_CASE("a yes that comes after the abort changes nothing") {
  group it{3};
  it.settle();
  it.on_messages(message_type::vote, filter_action::hold, 2);
  auto refused = it.await(it.write(7));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "no vote came in time from replica 2"));
  it.all_messages_pass();
  it.release_held();
  it.run_for(seconds{2});
  CHECK(it.must_write(8) == 2);
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    CHECK(it.must_read(id) == 8);
  it.must_agree();
}

TEST_CASE("prepares of a coordinator's earlier incarnation don't bring back what its next "
          "incarnation aborted") {
  group it{3};
  it.settle();
  it.on_messages(message_type::prepare, filter_action::hold);
  auto ticket = it.write(7);
  it.run_for(milliseconds{50});
  it.crash(1);
  CHECK(it.outcome(ticket).kind == answer_kind::lost);
  it.restart(1);
  it.run_for(milliseconds{5}); // nobody has promised its new epoch yet
  it.all_messages_pass();
  it.release_held();
  it.settle();
  CHECK(it.must_write(8) == 2);
  it.must_agree();
  CHECK(it.must_read(2) == 8);
}

TEST_CASE("a prepare delivered again after its index was aborted is not voted on anew") {
  group it{3};
  it.settle();
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
  it.all_messages_pass();
  it.deliver(1, 2, prepare);
  it.run_for(seconds{1});
  CHECK(it.status(2).committed == 1);
  CHECK(it.must_write(8) == 2);
  it.must_agree();
}

TEST_CASE("votes meant for an earlier incarnation of the coordinator don't count in its next one") {
  group it{3};
  it.settle();
  it.on_messages(message_type::vote, filter_action::hold);
  it.write(7);
  it.run_for(milliseconds{50});
  it.crash(1, 0);
  it.restart(1);
  it.all_messages_pass();
  it.release_held();
  it.settle();
  CHECK(it.must_write(8) == 2);
  it.must_agree();
  CHECK(it.value(1, 1) == 8);
}

TEST_CASE("participants write while the coordinator does, and it answers when both are done") {
  group it{3};
  it.settle();
  it.stall_disk(1, milliseconds{700});
  auto ticket = it.write(7);
  it.run_for(milliseconds{300});
  CHECK(it.status(2).accepted == 1);
  CHECK(it.status(3).accepted == 1);
  CHECK(it.outcome(ticket).kind == answer_kind::pending);
  CHECK(it.await(ticket).kind == answer_kind::applied);
  it.must_agree();
}

TEST_CASE("what others prepared and the coordinator lost is aborted, and its index isn't used "
          "again") {
  group it{3};
  it.settle();
  it.stall_disk(1, milliseconds{700});
  it.write(7);
  it.run_for(milliseconds{300});
  it.crash(1, 0);
  it.restart(1);
  it.settle();
  CHECK(it.must_write(8) == 2);
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    CHECK(it.must_read(id) == 8);
  it.must_agree();
}

TEST_CASE("a coordinator that restarts reads past nothing that it may have answered") {
  group it{3};
  it.settle();
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
  it.all_messages_pass();
  CHECK(it.must_read(1) == 7);
  it.must_agree();
}

TEST_CASE(
    "a write that is decided when the coordinator crashes is committed by its next incarnation") {
  group it{3};
  it.settle();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  it.crash(1, 0);
  it.all_messages_pass();
  auto early = it.await(it.read(2, 1));
  CHECK(early.kind == answer_kind::refused); // in doubt, and nobody left to ask
  CHECK(contains(early.reason, "replica 2 holds index 1 in doubt"));
  it.restart(1);
  CHECK(it.must_read(2) == 7);
  CHECK(it.must_read(3) == 7);
  it.must_agree();
}

TEST_CASE("a participant in doubt learns the decision from another one while the coordinator is "
          "away") {
  group it{3};
  it.settle();
  it.on_messages(message_type::decide, filter_action::drop, 1, 3);
  it.must_write(7);
  it.crash(1);
  CHECK(it.must_read(3) == 7);
  CHECK(!it.up(1));
  CHECK(it.violation() == "");
}

TEST_CASE("a participant that restarts in doubt asks, and does not guess") {
  group it{3};
  it.settle();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  it.crash(3, 0);
  it.isolate(3);
  it.restart(3);
  CHECK(it.await(it.read(3, 1)).kind == answer_kind::refused);
  CHECK(it.status(3).committed == 0);
  it.heal_network();
  it.all_messages_pass();
  CHECK(it.must_read(3) == 7);
  it.must_agree();
}

TEST_CASE("a decision that got lost is asked for, without a further write") {
  group it{3};
  it.settle();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  it.all_messages_pass();
  it.run_for(seconds{1});
  CHECK(it.applied(2) == 1);
  CHECK(it.applied(3) == 1);
}

TEST_CASE("indexes decide in any order, and are applied in order") {
  group it{3};
  it.settle();
  it.on_messages(message_type::prepare, filter_action::drop, 1, 2);
  auto first = it.write(7);
  it.run_for(milliseconds{20});
  it.all_messages_pass();
  auto second = it.write(8);
  it.run_for(milliseconds{20});
  CHECK(it.outcome(second).kind == answer_kind::pending); // it waits for the first one
  CHECK(it.await(first).kind == answer_kind::applied);    // which was sent again
  CHECK(it.await(second).kind == answer_kind::applied);
  it.must_agree();
  CHECK(it.value(2, 1) == 8);
}

TEST_CASE("a failed sync stops its replica, and nothing more is acknowledged by it") {
  group it{3};
  it.settle();
  it.fail_next_sync(2);
  auto ticket = it.write(7);
  it.run_for(milliseconds{100});
  CHECK(!it.up(2));
  CHECK(it.outcome(ticket).kind == answer_kind::pending);
  CHECK(it.await(ticket).kind != answer_kind::pending); // the host came back with another disk sync
  it.settle();
  it.must_write(8);
  it.must_agree();
}
