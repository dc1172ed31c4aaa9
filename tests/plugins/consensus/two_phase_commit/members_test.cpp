#include "config.hpp"
#include "scenario.hpp"

/// Who belongs to the group: learners, those who join and go, and those who are gone for good.
using namespace two_phase_commit;
using voters = std::vector<atl::spi::replica_id>;

namespace {

/// Three voters that hold something: register 1 is 7.
struct used_group : group {
  explicit used_group(bool fatal_is_failure = true) : group{3, {}, fatal_is_failure} {
    must_write(7);
  }
};

} // namespace

TEST_CASE("a learner gets everything, has no vote, and answers no reads but local ones") {
  used_group it;
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

TEST_CASE("a learner that is down stands in nobody's way, and catches up when it is back") {
  group it{3};
  it.must_change({1, 2, 3}, {4});
  it.crash(4);
  it.run_for(seconds{3});
  it.must_write_up_to(20);
  it.restart(4);
  it.must_catch_up(4);
  it.must_agree_on({1, 2, 3});
}

TEST_CASE("a replica joins: it has everything before it votes, and then answers reads by itself") {
  group it{3};
  it.must_write_up_to(100);
  it.must_change({1, 2, 3, 4});
  it.must_agree_on({1, 2, 3, 4});
  CHECK(it.must_read(4) == 100);
  it.must_go_on(101, {1, 2, 3, 4});
  it.isolate(4); // nothing is committed without it, so what it has is current
  CHECK(it.must_read(4) == 101);
  it.must_refuse(it.write(102));
}

TEST_CASE("a replica that joins gets a snapshot of what was cut from the logs") {
  group it{3, {{"keep_entries", "10"}}};
  it.settle();
  for (int i = 1; i <= 100; ++i)
    it.must_write(i, static_cast<std::uint64_t>(i % 7));
  it.run_for(seconds{1});
  it.must_change({1, 2, 3}, {5});
  it.must_change({1, 2, 4}, {5});
  it.must_agree_on({1, 2, 4});
  CHECK(it.stats().snapshots >= 1);
  CHECK(it.must_read(4, 97 % 7) == 97);
  it.must_go_on(101, {1, 2, 4});
  it.must_catch_up(5);
  CHECK(it.members(5).learners == voters{5}); // it came with the snapshot, or behind it
}

TEST_CASE("writes go on while a replica that is to join catches up") {
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
  it.all_messages_pass();
  CHECK(it.await(change).kind == answer_kind::applied);
  it.must_agree_on({1, 2, 3, 4});
  CHECK(it.must_read(4) == 50);
}

TEST_CASE("a replica that is to join and can't be reached is named, and nothing changes") {
  group it{3};
  it.settle();
  it.isolate(4);
  it.must_refuse(it.reconfigure(1, {1, 2, 3, 4}),
                 "replica 4 has not been heard from since this replica started, "
                 "and it is to vote");
  it.must_go_on(7, {1, 2, 3});
}

TEST_CASE("a replica that was taken out knows, serves nothing, and stands in nobody's way") {
  used_group it;
  it.must_change({1, 2});
  it.run_for(milliseconds{300});
  it.must_write(8);
  CHECK(it.members(3).voters == voters{1, 2});
  auto refused = it.must_refuse(it.read(3, 1));
  CHECK(refused.hint == 1);
  CHECK(contains(refused.reason, "replica 3 is not of the group"));
  CHECK(it.await(it.write(9, 1, 3)).hint == 1);
  it.crash(3);
  it.run_for(seconds{3});
  it.must_write(9);
  it.restart(3);
  it.must_refuse(it.read(3, 1));
  it.must_agree_on({1, 2});
}

TEST_CASE("one that was away when it was taken out is in doubt until it is told, and serves "
          "nothing stale") {
  used_group it;
  it.on_messages(message_type::decide, filter_action::drop, 1, 3);
  it.must_change({1, 2});
  it.isolate(3);
  it.crash(3, 0);
  it.restart(3);
  it.must_write(8);
  it.must_refuse(it.read(3, 1), "in doubt");
  it.heal_network();
  it.all_messages_pass();
  CHECK(it.run_until([&] { return it.members(3).voters == voters{1, 2}; }));
  it.must_refuse(it.read(3, 1), "replica 3 is not of the group");
  CHECK(it.violation() == "");
}

TEST_CASE("a replica takes another one's place in one step") {
  used_group it;
  it.must_change({1, 2, 5});
  it.crash(3);
  it.must_go_on(8, {1, 2, 5});
  CHECK(it.must_read(5) == 8);
}

TEST_CASE("the coordinator is taken out: the next one takes over under a higher epoch") {
  used_group it;
  auto term = it.status(1).term;
  it.must_change({2, 3, 4});
  it.crash(1); // it may go for good as soon as that is answered
  it.settle();
  CHECK(it.leader() == 2);
  CHECK(it.status(2).term > term);
  it.must_go_on(8, {2, 3, 4});
}

TEST_CASE("a group changes into one that has no member in common with it") {
  group it{2};
  it.must_write(7);
  it.must_change({3, 4});
  it.crash(1);
  it.crash(2);
  it.settle();
  CHECK(it.leader() == 3);
  it.must_go_on(8, {3, 4});
  it.restart(1);
  it.must_refuse(it.read(1, 1));
  CHECK(it.violation() == "");
}

TEST_CASE("one with a lower id joins: the coordinator hands over to it") {
  group it{3};
  it.must_change({2, 3});
  it.must_write(7);
  it.must_change({1, 2, 3});
  it.settle();
  CHECK(it.leader() == 1);
  CHECK(it.must_read(1) == 7);
  it.must_go_on(8, {1, 2, 3});
}

TEST_CASE("a change that puts its coordinator out is answered when another one knows of it") {
  group it{3};
  it.settle();
  it.filter([](auto from, auto, std::string_view bytes) {
    auto type = group::type_of(bytes);
    return from == 1 && (type == message_type::decide || type == message_type::entries)
               ? filter_action::drop
               : filter_action::pass;
  });
  auto change = it.reconfigure(1, {2, 3});
  it.run_for(seconds{2});
  CHECK(it.members(1).voters == voters{2, 3}); // decided, and nobody else knows
  CHECK(it.outcome(change).kind == answer_kind::pending);
  it.must_refuse(it.write(7, 1, 1));
  it.all_messages_pass();
  CHECK(it.await(change).kind == answer_kind::applied);
  it.must_go_on(8, {2, 3});
}

TEST_CASE("a silent member is not put out without its own vote, and the refusal says why") {
  used_group it;
  it.run_for(milliseconds{10});
  it.isolate(3);
  it.run_for(seconds{2});
  auto refused = it.must_refuse(it.reconfigure(1, {1, 2}));
  CHECK(contains(refused.reason, "replica 3 has not been heard from for"));
  CHECK(contains(refused.reason, "it must vote itself"));
  CHECK(contains(refused.reason, "declare it lost"));
  CHECK(it.must_read(3) == 7); // and so it may go on answering
  it.heal_network();
  it.run_for(seconds{1});
  it.must_change({1, 2});
  it.must_agree_on({1, 2});
}

TEST_CASE("a member that falls silent while its removal is under way aborts it, by name") {
  group it{3};
  it.settle();
  it.on_messages(message_type::vote, filter_action::drop, 3);
  it.must_refuse(it.reconfigure(1, {1, 2}), "no vote came in time from replica 3");
  it.all_messages_pass();
  it.must_go_on(8, {1, 2, 3});
  CHECK(it.must_read(3) == 8);
}

TEST_CASE("a member whose disk is lost is replaced, once an operator says that it is") {
  used_group it;
  it.lose_disk(3);
  it.run_for(seconds{2});
  it.must_refuse(it.reconfigure(1, {1, 2, 4}));
  it.declare_lost(1, 3);
  it.must_refuse(it.write(8), "replica 3 was declared lost");
  it.must_change_at(1, {1, 2, 4});
  it.must_go_on(8, {1, 2, 4});
}

TEST_CASE("the word that a member is lost may be given to any other one, and survives crashes") {
  used_group it;
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
  it.must_go_on(8, {1, 2});
}

TEST_CASE("the coordinator's disk is lost for good: the next one takes over, once it is told") {
  group it{3};
  it.must_write_up_to(20);
  it.run_for(milliseconds{300});
  auto term = it.status(1).term;
  it.lose_disk(1);
  it.run_for(seconds{3});
  CHECK(it.leader() == 0);
  it.declare_lost(3, 1); // not the one that takes over
  it.must_lead(2);
  CHECK(it.status(2).term > term);
  CHECK(contains(it.status(2).blocked, "replica 1 was declared lost"));
  CHECK(it.must_read(2) == 20);
  it.must_change_at(2, {2, 3, 4});
  it.must_go_on(21, {2, 3, 4});
}

TEST_CASE("one that takes over from a lost coordinator doesn't abort what that one may have "
          "committed, also when it restarts meanwhile") {
  group it{3};
  it.settle();
  it.on_messages(message_type::decide, filter_action::drop, 1, 2);
  it.must_write(7); // answered, and of the two others only replica 3 knows
  it.run_for(milliseconds{10});
  it.lose_disk(1);
  it.all_messages_pass();
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

TEST_CASE("with a coordinator lost for good, what everybody prepared and nobody knows blocks until "
          "people decide") {
  for (std::string choice : {"block", "commit", "abort"}) {
    group it{3, {{"lost_decisions", choice}}};
    it.settle();
    it.on_messages(message_type::vote, filter_action::drop, 3);
    it.write(7); // never answered, so that either choice is right
    it.run_for(milliseconds{50});
    it.lose_disk(1);
    it.all_messages_pass();
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

TEST_CASE(
    "with a coordinator lost in the middle of a change, those who were to join are asked too") {
  used_group it;
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
  it.all_messages_pass();
  it.declare_lost(2, 1);
  it.must_lead(3);
  it.must_change_at(3, {3, 4});
  it.must_go_on(8, {3, 4});
}

TEST_CASE("a group takes 256 declared losses in its life; beyond it nobody is put out unheard") {
  used_group it;
  for (atl::spi::replica_id other = 1001; other < 1001 + atl::two_phase::max_lost; ++other)
    it.declare_lost(2, other); // of members that came and went
  it.must_write(8);
  it.run_for(milliseconds{10});
  it.isolate(3);
  it.run_for(seconds{2});
  for (atl::spi::replica_id id : {1U, 2U})
    it.declare_lost(id, 3);
  it.must_refuse(it.reconfigure(1, {1, 2}), "told of 256 losses, and takes no more");
  CHECK(it.must_read(3) == 8);
  it.heal_network();
  it.must_go_on(9, {1, 2, 3});
}

TEST_CASE("what a lost member said before counts for nothing, and if it comes back it stops") {
  used_group it{false};
  it.crash(3);
  it.declare_lost(1, 3); // wrongly
  it.must_change_at(1, {1, 2});
  it.restart(3);
  it.run_for(seconds{1});
  it.must_write(8);
  it.deliver(1, 3, ""); // nothing that it could make sense of
  it.must_refuse(it.reconfigure(1, {1, 2, 3}),
                 "replica 3 was declared lost, and never comes back under this id");
  it.must_agree_on({1, 2});
}

TEST_CASE("a member that is told that it is lost stops, and says what to do") {
  used_group it{false};
  it.isolate(3);
  it.declare_lost(1, 3); // wrongly
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
  CHECK(contains(it.fatal_reason(3), "the disk of replica 3 is lost"));
  CHECK(contains(it.fatal_reason(3), "an id that was never used"));
}

TEST_CASE("the group is on disk: all members restart, and know who they are") {
  used_group it;
  it.must_change({2, 4}, {1});
  it.must_write(8);
  it.run_for(seconds{1});
  for (atl::spi::replica_id id = 1; id <= 4; ++id)
    it.crash(id, 0);
  for (atl::spi::replica_id id = 1; id <= 4; ++id)
    it.restart(id);
  it.settle();
  CHECK(it.leader() == 2);
  CHECK(it.members(1).learners == voters{1});
  CHECK(it.must_read(4) == 8);
  it.must_go_on(9, {2, 4});
}

TEST_CASE("a learner's disk is lost: it starts over, and nobody waits for it") {
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

TEST_CASE("a voter with an empty disk, born elsewhere, learns who coordinates and catches up") {
  group it{3};
  it.must_change({2, 3, 4});
  it.must_write_up_to(20);
  it.lose_disk(4);
  it.restart(4);
  it.must_agree_on({2, 3, 4});
  CHECK(it.must_read(4) == 20);
  it.lose_disk(2); // the coordinator, which thinks at first that replica 1 coordinates
  it.restart(2);
  it.settle();
  CHECK(it.leader() == 2);
  CHECK(it.must_read(2) == 20);
  it.must_go_on(21, {2, 3, 4});
}

TEST_CASE("a group of one grows, and its first member is not alone when it starts with an empty "
          "disk") {
  group it{1};
  it.must_write(7);
  it.must_change({1, 2});
  it.must_write(8);
  it.run_for(milliseconds{300});
  it.lose_disk(1);
  it.restart(1);
  it.settle();
  CHECK(it.must_read(1) == 8);
  it.must_go_on(9, {1, 2});
}

TEST_CASE("a change to nobody, or with an id of nobody, is refused") {
  group it{3};
  it.settle();
  it.must_refuse(it.reconfigure(1, {}));
  it.must_refuse(it.reconfigure(1, {}), "at least one voter");
  auto elsewhere = it.must_refuse(it.reconfigure(2, {1, 2}));
  CHECK(elsewhere.hint == 1);
  it.must_write(7);
}
