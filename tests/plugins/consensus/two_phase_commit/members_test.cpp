#include "config.hpp"
#include "scenario.hpp"

/// Membership: learners, joining and leaving replicas, and replicas declared lost.
using namespace two_phase_commit;
using voters = std::vector<atl::spi::replica_id>;

namespace {

/// Three voters with one applied write: register 1 is 7.
struct written_group : group {
  explicit written_group(bool fatal_is_failure = true) : group{3, {}, fatal_is_failure} {
    must_write(7);
  }
};

} // namespace

TEST_CASE("a learner receives all entries, has no vote, and answers only local reads") {
  written_group it;
  it.must_change({1, 2, 3}, {4});
  it.must_write(8);
  it.must_catch_up(4);
  CHECK(it.value(4, 1) == 8);
  CHECK(it.status(4).role == atl::spi::replica_role::learner);
  auto refused = it.must_refuse(it.read(4, 1));
  CHECK(refused.hint == 1);
  CHECK(contains(refused.reason, "replica 4 is a learner"));
  CHECK(it.await(it.read(4, 1, atl::spi::read_level::local)).result.result == 8);
  CHECK(it.await(it.write(9, 1, 4)).hint == 1);
  CHECK(it.members(4).learners == voters{4});
  CHECK(it.violation() == "");
}

TEST_CASE("a learner that is down delays no writes, and catches up after its restart") {
  group it{3};
  it.must_change({1, 2, 3}, {4});
  it.crash(4);
  it.run_for(seconds{3});
  it.must_write_up_to(20);
  it.restart(4);
  it.must_catch_up(4);
  it.must_agree_on({1, 2, 3});
}

TEST_CASE("a joining replica catches up before it votes, and then serves reads") {
  group it{3};
  it.must_write_up_to(100);
  it.must_change({1, 2, 3, 4});
  it.must_agree_on({1, 2, 3, 4});
  CHECK(it.must_read(4) == 100);
  it.must_write_and_agree(101, {1, 2, 3, 4});
  it.isolate(4); // nothing is committed without its vote, so its state is current
  CHECK(it.must_read(4) == 101);
  it.must_refuse(it.write(102));
}

TEST_CASE("a joining replica receives a snapshot of entries that were cut") {
  group it{3, {{"keep_entries", "10"}}};
  it.await_leader();
  for (int i = 1; i <= 100; ++i)
    it.must_write(i, static_cast<std::uint64_t>(i % 7));
  it.run_for(seconds{1});
  it.must_change({1, 2, 3}, {5});
  it.must_change({1, 2, 4}, {5});
  it.must_agree_on({1, 2, 4});
  CHECK(it.stats().snapshots >= 1);
  CHECK(it.must_read(4, 97 % 7) == 97);
  it.must_write_and_agree(101, {1, 2, 4});
  it.must_catch_up(5);
  CHECK(it.members(5).learners == voters{5}); // learned from the snapshot or from a later entry
}

TEST_CASE("writes are accepted while a joining replica catches up") {
  group it{3};
  it.must_write(1);
  it.filter([&](auto, auto to, std::string_view bytes) {
    return to == 4 && group::type_of(bytes) == message_type::entries ? filter_action::drop
                                                                     : filter_action::pass;
  });
  auto change = it.reconfigure(1, {1, 2, 3, 4});
  it.run_for(seconds{2});
  CHECK(it.outcome(change).kind == answer_kind::pending);
  for (int i = 2; i <= 50; ++i)
    it.must_write(i);
  it.pass_all_messages();
  CHECK(it.await(change).kind == answer_kind::applied);
  it.must_agree_on({1, 2, 3, 4});
  CHECK(it.must_read(4) == 50);
}

TEST_CASE("a change that adds an unreachable replica is refused with its name") {
  group it{3};
  it.await_leader();
  it.isolate(4);
  it.must_refuse(it.reconfigure(1, {1, 2, 3, 4}),
                 "replica 4 has not been heard from since this replica started, "
                 "and the change makes it a voter");
  it.must_write_and_agree(7, {1, 2, 3});
}

TEST_CASE("a removed replica knows that it was removed, serves nothing, and delays no writes") {
  written_group it;
  it.must_change({1, 2});
  it.run_for(milliseconds{300});
  it.must_write(8);
  CHECK(it.members(3).voters == voters{1, 2});
  auto refused = it.must_refuse(it.read(3, 1));
  CHECK(refused.hint == 1);
  CHECK(contains(refused.reason, "replica 3 is not a member of the group"));
  CHECK(it.await(it.write(9, 1, 3)).hint == 1);
  it.crash(3);
  it.run_for(seconds{3});
  it.must_write(9);
  it.restart(3);
  it.must_refuse(it.read(3, 1));
  it.must_agree_on({1, 2});
}

TEST_CASE("a replica that was down when it was removed serves no stale reads, and learns of its "
          "removal") {
  written_group it;
  it.on_messages(message_type::decide, filter_action::drop, 1, 3);
  it.must_change({1, 2});
  it.isolate(3);
  it.crash(3, 0);
  it.restart(3);
  it.must_write(8);
  it.must_refuse(it.read(3, 1), "in doubt");
  it.heal_network();
  it.pass_all_messages();
  CHECK(it.run_until([&] { return it.members(3).voters == voters{1, 2}; }));
  it.must_refuse(it.read(3, 1), "replica 3 is not a member of the group");
  CHECK(it.violation() == "");
}

TEST_CASE("a change replaces one replica by another in one step") {
  written_group it;
  it.must_change({1, 2, 5});
  it.crash(3);
  it.must_write_and_agree(8, {1, 2, 5});
  CHECK(it.must_read(5) == 8);
}

TEST_CASE("the next voter takes over with a higher epoch after the coordinator is removed") {
  written_group it;
  auto term = it.status(1).term;
  it.must_change({2, 3, 4});
  it.crash(1); // a removed replica may be switched off as soon as the change is answered
  it.await_leader();
  CHECK(it.leader() == 2);
  CHECK(it.status(2).term > term);
  it.must_write_and_agree(8, {2, 3, 4});
}

TEST_CASE("a change replaces all members at once") {
  group it{2};
  it.must_write(7);
  it.must_change({3, 4});
  it.crash(1);
  it.crash(2);
  it.await_leader();
  CHECK(it.leader() == 3);
  it.must_write_and_agree(8, {3, 4});
  it.restart(1);
  it.must_refuse(it.read(1, 1));
  CHECK(it.violation() == "");
}

TEST_CASE("the coordinator hands over to a joining replica with a lower id") {
  group it{3};
  it.must_change({2, 3});
  it.must_write(7);
  it.must_change({1, 2, 3});
  it.await_leader();
  CHECK(it.leader() == 1);
  CHECK(it.must_read(1) == 7);
  it.must_write_and_agree(8, {1, 2, 3});
}

TEST_CASE("a change that removes its coordinator is answered once another voter knows it") {
  group it{3};
  it.await_leader();
  it.filter([](auto from, auto, std::string_view bytes) {
    auto type = group::type_of(bytes);
    return from == 1 && (type == message_type::decide || type == message_type::entries)
               ? filter_action::drop
               : filter_action::pass;
  });
  auto change = it.reconfigure(1, {2, 3});
  it.run_for(seconds{2});
  CHECK(it.members(1).voters == voters{2, 3}); // decided, and no other replica knows the decision
  CHECK(it.outcome(change).kind == answer_kind::pending);
  it.must_refuse(it.write(7, 1, 1));
  it.pass_all_messages();
  CHECK(it.await(change).kind == answer_kind::applied);
  it.must_write_and_agree(8, {2, 3});
}

TEST_CASE("the removal of a silent member without its vote is refused with the reason") {
  written_group it;
  it.run_for(milliseconds{10});
  it.isolate(3);
  it.run_for(seconds{2});
  auto refused = it.must_refuse(it.reconfigure(1, {1, 2}));
  CHECK(contains(refused.reason, "replica 3 has not been heard from for"));
  CHECK(contains(refused.reason, "its own vote is required"));
  CHECK(contains(refused.reason, "declare it lost"));
  CHECK(it.must_read(3) == 7); // a partitioned voter may still serve reads
  it.heal_network();
  it.run_for(seconds{1});
  it.must_change({1, 2});
  it.must_agree_on({1, 2});
}

TEST_CASE("a removal is aborted with the member's name when the member becomes silent") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::vote, filter_action::drop, 3);
  it.must_refuse(it.reconfigure(1, {1, 2}), "no vote arrived in time from replica 3");
  it.pass_all_messages();
  it.must_write_and_agree(8, {1, 2, 3});
  CHECK(it.must_read(3) == 8);
}

TEST_CASE("a member that lost its disk can be replaced after declare_lost") {
  written_group it;
  it.lose_disk(3);
  it.run_for(seconds{2});
  it.must_refuse(it.reconfigure(1, {1, 2, 4}));
  it.declare_lost(1, 3);
  it.must_refuse(it.write(8), "replica 3 was declared lost");
  it.must_change_at(1, {1, 2, 4});
  it.must_write_and_agree(8, {1, 2, 4});
}

TEST_CASE("declare_lost is accepted at any member, and survives crashes") {
  written_group it;
  it.lose_disk(3);
  it.declare_lost(2, 3);
  it.run_for(seconds{1});
  for (atl::spi::replica_id id : {1U, 2U}) {
    it.crash(id, 0);
    it.restart(id);
  }
  it.run_for(seconds{1});
  CHECK(contains(it.status(1).blocked, "replica 3 was declared lost"));
  it.must_change_at(1, {1, 2});
  it.must_write_and_agree(8, {1, 2});
}

TEST_CASE("the next voter takes over after the coordinator is declared lost") {
  group it{3};
  it.must_write_up_to(20);
  it.run_for(milliseconds{300});
  auto term = it.status(1).term;
  it.lose_disk(1);
  it.run_for(seconds{3});
  CHECK(it.leader() == 0);
  it.declare_lost(3, 1); // declared at a replica other than the successor
  it.must_lead(2);
  CHECK(it.status(2).term > term);
  CHECK(contains(it.status(2).blocked, "replica 1 was declared lost"));
  CHECK(it.must_read(2) == 20);
  it.must_change_at(2, {2, 3, 4});
  it.must_write_and_agree(21, {2, 3, 4});
}

TEST_CASE("a successor of a lost coordinator does not abort an entry that may be committed, even "
          "after a restart") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::drop, 1, 2);
  it.must_write(7); // answered, and only replica 3 knows the decision besides the coordinator
  it.run_for(milliseconds{10});
  it.lose_disk(1);
  it.pass_all_messages();
  it.isolate(3);
  it.declare_lost(2, 1);
  it.run_for(seconds{2});
  it.crash(2, 0);
  it.restart(2);
  it.run_for(seconds{2});
  it.must_refuse(it.read(2, 1));
  it.heal_network();
  CHECK(it.must_read(2) == 7);
  it.must_lead(2);
  it.must_change_at(2, {2, 3});
  it.must_agree_on({2, 3});
}

TEST_CASE(
    "an entry that all prepared and none knows decided blocks after the coordinator is declared "
    "lost, until lost_decisions is set") {
  for (std::string choice : {"block", "commit", "abort"}) {
    group it{3, {{"lost_decisions", choice}}};
    it.await_leader();
    it.on_messages(message_type::vote, filter_action::drop, 3);
    it.write(7); // never answered, so either outcome is correct
    it.run_for(milliseconds{50});
    it.lose_disk(1);
    it.pass_all_messages();
    it.declare_lost(2, 1);
    it.run_for(seconds{5});
    if (choice == "block") {
      CHECK(contains(it.status(2).blocked, "whether index 1 was committed is lost"));
      CHECK(contains(it.status(2).blocked, "set lost_decisions"));
      it.must_refuse(it.reconfigure(2, {2, 3}));
      continue;
    }
    it.must_change_at(2, {2, 3});
    CHECK(it.must_read(3) == (choice == "commit" ? register_value{7} : register_value{}));
    it.must_agree_on({2, 3});
  }
}

TEST_CASE("joining replicas are asked too when the coordinator is lost in the middle of a change") {
  written_group it;
  it.filter([](auto from, auto to, std::string_view bytes) {
    auto type = group::type_of(bytes);
    return from == 1 && to != 4 && (type == message_type::decide || type == message_type::entries)
               ? filter_action::drop
               : filter_action::pass;
  });
  auto change = it.reconfigure(1, {1, 3, 4});
  CHECK(it.run_until([&] { return it.members(4).voters == voters{1, 3, 4}; }));
  it.lose_disk(1);
  CHECK(it.outcome(change).kind != answer_kind::refused);
  it.pass_all_messages();
  it.declare_lost(2, 1);
  it.must_lead(3);
  it.must_change_at(3, {3, 4});
  it.must_write_and_agree(8, {3, 4});
}

TEST_CASE("after 256 declared losses no silent member can be removed") {
  written_group it;
  for (atl::spi::replica_id other = 1001; other < 1001 + atl::two_phase::lost_max; ++other)
    it.declare_lost(2, other); // former members
  it.must_write(8);
  it.run_for(milliseconds{10});
  it.isolate(3);
  it.run_for(seconds{2});
  for (atl::spi::replica_id id : {1U, 2U})
    it.declare_lost(id, 3);
  it.must_refuse(it.reconfigure(1, {1, 2}), "reached the limit of 256 declared losses");
  CHECK(it.must_read(3) == 8);
  it.heal_network();
  it.must_write_and_agree(9, {1, 2, 3});
}

TEST_CASE("a member that was declared lost is ignored when it comes back, and may not rejoin") {
  written_group it{false};
  it.crash(3);
  it.declare_lost(1, 3); // the replica is in fact alive
  it.must_change_at(1, {1, 2});
  it.restart(3);
  it.run_for(seconds{1});
  it.must_write(8);
  it.deliver(1, 3, ""); // nothing that it could make sense of
  it.must_refuse(it.reconfigure(1, {1, 2, 3}),
                 "replica 3 was declared lost and must not come back under this id");
  it.must_agree_on({1, 2});
}

TEST_CASE("a member that learns that it was declared lost stops with a remedy") {
  written_group it{false};
  it.isolate(3);
  it.declare_lost(1, 3); // the replica is in fact alive
  it.run_for(milliseconds{300});
  std::string heartbeat;
  it.filter([&heartbeat](auto from, auto, std::string_view bytes) {
    if (from == 1 && group::type_of(bytes) == message_type::heartbeat)
      heartbeat = bytes;
    return filter_action::pass;
  });
  it.run_for(milliseconds{300});
  it.deliver(1, 3, heartbeat);
  CHECK(!it.up(3));
  CHECK(contains(it.fatal_reason(3), "replica 3 was declared lost"));
  CHECK(contains(it.fatal_reason(3), "an id that was never used"));
}

TEST_CASE("the membership survives a restart of all members") {
  written_group it;
  it.must_change({2, 4}, {1});
  it.must_write(8);
  it.run_for(seconds{1});
  for (atl::spi::replica_id id = 1; id <= 4; ++id)
    it.crash(id, 0);
  for (atl::spi::replica_id id = 1; id <= 4; ++id)
    it.restart(id);
  it.await_leader();
  CHECK(it.leader() == 2);
  CHECK(it.members(1).learners == voters{1});
  CHECK(it.must_read(4) == 8);
  it.must_write_and_agree(9, {2, 4});
}

TEST_CASE("a learner that lost its disk starts over and delays no writes") {
  group it{3};
  it.must_change({1, 2, 3}, {4});
  it.must_write_up_to(20);
  it.lose_disk(4);
  it.must_write(21);
  it.restart(4);
  it.must_catch_up(4);
  it.must_change({1, 2, 3, 4});
  it.must_agree_on({1, 2, 3, 4});
  CHECK(it.must_read(4) == 21);
}

TEST_CASE("a voter with an empty disk that joined later learns the coordinator and catches up") {
  group it{3};
  it.must_change({2, 3, 4});
  it.must_write_up_to(20);
  it.lose_disk(4);
  it.restart(4);
  it.must_agree_on({2, 3, 4});
  CHECK(it.must_read(4) == 20);
  it.lose_disk(2); // the coordinator, which assumes at first that replica 1 coordinates
  it.restart(2);
  it.await_leader();
  CHECK(it.leader() == 2);
  CHECK(it.must_read(2) == 20);
  it.must_write_and_agree(21, {2, 3, 4});
}

TEST_CASE("the first member of a grown group recovers from its peer when it starts with an empty "
          "disk") {
  group it{1};
  it.must_write(7);
  it.must_change({1, 2});
  it.must_write(8);
  it.run_for(milliseconds{300});
  it.lose_disk(1);
  it.restart(1);
  it.await_leader();
  CHECK(it.must_read(1) == 8);
  it.must_write_and_agree(9, {1, 2});
}

TEST_CASE("a change to a group without voters is refused") {
  group it{3};
  it.await_leader();
  it.must_refuse(it.reconfigure(1, {}));
  it.must_refuse(it.reconfigure(1, {}), "at least one voter");
  auto elsewhere = it.must_refuse(it.reconfigure(2, {1, 2}));
  CHECK(elsewhere.hint == 1);
  it.must_write(7);
}
