#include "config.hpp"
#include "scenario.hpp"

/// Who belongs to the group: learners, those who join and go, and those who are gone for good.
using namespace two_phase_commit;
using voters = std::vector<atl::spi::replica_id>;

TEST_CASE("a learner gets everything, has no vote, and answers no reads but local ones") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.must_change({1, 2, 3}, {4});
  it.must_write(8);
  CHECK(it.run_until([&] { return it.applied(4) == it.applied(1); }));
  CHECK(it.value(4, 1) == 8);
  CHECK(it.status(4).role == atl::spi::replica_role::learner);
  auto refused = it.await(it.read(4, 1));
  CHECK(refused.kind == answer_kind::refused);
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
  for (int i = 1; i <= 20; ++i)
    it.must_write(i);
  it.restart(4);
  CHECK(it.run_until([&] { return it.applied(4) == it.applied(1); }));
  it.must_agree_on({1, 2, 3});
}

TEST_CASE("a replica joins: it has everything before it votes, and then answers reads by itself") {
  group it{3};
  it.settle();
  for (int i = 1; i <= 100; ++i)
    it.must_write(i);
  it.must_change({1, 2, 3, 4});
  it.must_agree_on({1, 2, 3, 4});
  CHECK(it.must_read(4) == 100);
  it.must_write(101);
  it.must_agree_on({1, 2, 3, 4});
  it.isolate(4); // nothing is committed without it, so what it has is current
  CHECK(it.must_read(4) == 101);
  CHECK(it.await(it.write(102)).kind == answer_kind::refused);
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
  it.must_write(101);
  it.must_agree_on({1, 2, 4});
  CHECK(it.run_until([&] { return it.applied(5) == it.applied(1); }));
  CHECK(it.members(5).learners == voters{5}); // it came with the snapshot, or behind it
}

TEST_CASE("writes go on while a replica that is to join catches up") {
  group it{3};
  it.settle();
  it.must_write(1);
  it.filter([&](auto, auto to, std::string_view bytes) {
    return to == 4 && group::type_of(bytes) == message_type::entries ? passage::drop
                                                                     : passage::pass;
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
  auto refused = it.await(it.reconfigure(1, {1, 2, 3, 4}));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "replica 4 has not been heard from since this replica started, "
                                 "and it is to vote"));
  it.must_write(7);
  it.must_agree_on({1, 2, 3});
}

TEST_CASE("a replica that was taken out knows, serves nothing, and stands in nobody's way") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.must_change({1, 2});
  it.run_for(milliseconds{300});
  it.must_write(8);
  CHECK(it.members(3).voters == voters{1, 2});
  auto refused = it.await(it.read(3, 1));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(refused.hint == 1);
  CHECK(contains(refused.reason, "replica 3 is not of the group"));
  CHECK(it.await(it.write(9, 1, 3)).hint == 1);
  it.crash(3);
  it.run_for(seconds{3});
  it.must_write(9);
  it.restart(3);
  CHECK(it.await(it.read(3, 1)).kind == answer_kind::refused);
  it.must_agree_on({1, 2});
}

TEST_CASE("one that was away when it was taken out is in doubt until it is told, and serves "
          "nothing stale") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.on_messages(message_type::decide, passage::drop, 1, 3);
  it.must_change({1, 2});
  it.isolate(3);
  it.crash(3, 0);
  it.restart(3);
  it.must_write(8);
  auto refused = it.await(it.read(3, 1));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "in doubt"));
  it.heal_network();
  it.all_messages_pass();
  CHECK(it.run_until([&] { return it.members(3).voters == voters{1, 2}; }));
  CHECK(contains(it.await(it.read(3, 1)).reason, "replica 3 is not of the group"));
  CHECK(it.violation() == "");
}

TEST_CASE("a replica takes another one's place in one step") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.must_change({1, 2, 5});
  it.crash(3);
  it.must_write(8);
  it.must_agree_on({1, 2, 5});
  CHECK(it.must_read(5) == 8);
}

TEST_CASE("the coordinator is taken out: the next one takes over under a higher epoch") {
  group it{3};
  it.settle();
  it.must_write(7);
  auto term = it.status(1).term;
  it.must_change({2, 3, 4});
  it.crash(1); // it may go for good as soon as that is answered
  it.settle();
  CHECK(it.leader() == 2);
  CHECK(it.status(2).term > term);
  it.must_write(8);
  CHECK(it.must_read(4) == 8);
  it.must_agree_on({2, 3, 4});
}

TEST_CASE("a group changes into one that has no member in common with it") {
  group it{2};
  it.settle();
  it.must_write(7);
  it.must_change({3, 4});
  it.crash(1);
  it.crash(2);
  it.settle();
  CHECK(it.leader() == 3);
  it.must_write(8);
  it.must_agree_on({3, 4});
  it.restart(1);
  CHECK(it.await(it.read(1, 1)).kind == answer_kind::refused);
  CHECK(it.violation() == "");
}

TEST_CASE("one with a lower id joins: the coordinator hands over to it") {
  group it{3};
  it.must_change({2, 3});
  it.settle();
  it.must_write(7);
  it.must_change({1, 2, 3});
  it.settle();
  CHECK(it.leader() == 1);
  CHECK(it.must_read(1) == 7);
  it.must_write(8);
  it.must_agree_on({1, 2, 3});
}

TEST_CASE("a change that puts its coordinator out is answered when another one knows of it") {
  group it{3};
  it.settle();
  it.filter([](auto from, auto, std::string_view bytes) {
    auto type = group::type_of(bytes);
    return from == 1 && (type == message_type::decide || type == message_type::entries)
               ? passage::drop
               : passage::pass;
  });
  auto change = it.reconfigure(1, {2, 3});
  it.run_for(seconds{2});
  CHECK(it.members(1).voters == voters{2, 3}); // decided, and nobody else knows
  CHECK(it.outcome(change).kind == answer_kind::pending);
  CHECK(it.await(it.write(7, 1, 1)).kind == answer_kind::refused);
  it.all_messages_pass();
  CHECK(it.await(change).kind == answer_kind::applied);
  it.settle();
  it.must_write(8);
  it.must_agree_on({2, 3});
}

TEST_CASE("a silent member is not put out without its own vote, and the refusal says why") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.run_for(milliseconds{10});
  it.isolate(3);
  it.run_for(seconds{2});
  auto refused = it.await(it.reconfigure(1, {1, 2}));
  CHECK(refused.kind == answer_kind::refused);
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
  it.on_messages(message_type::vote, passage::drop, 3);
  auto refused = it.await(it.reconfigure(1, {1, 2}));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "no vote came in time from replica 3"));
  it.all_messages_pass();
  it.must_write(8);
  it.must_agree_on({1, 2, 3});
  CHECK(it.must_read(3) == 8);
}

TEST_CASE("a member whose disk is lost is replaced, once an operator says that it is") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.lose_disk(3);
  it.run_for(seconds{2});
  CHECK(it.await(it.reconfigure(1, {1, 2, 4})).kind == answer_kind::refused);
  it.declare_lost(1, 3);
  CHECK(contains(it.await(it.write(8)).reason, "replica 3 was declared lost"));
  CHECK(it.await(it.reconfigure(1, {1, 2, 4})).kind == answer_kind::applied);
  it.must_write(8);
  CHECK(it.must_read(4) == 8);
  it.must_agree_on({1, 2, 4});
}

TEST_CASE("the word that a member is lost may be given to any other one, and survives crashes") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.lose_disk(3);
  it.declare_lost(2, 3);
  it.run_for(seconds{1});
  for (atl::spi::replica_id id : {1U, 2U}) {
    it.crash(id, 0);
    it.restart(id);
  }
  it.run_for(seconds{1});
  CHECK(contains(it.status(1).blocked, "replica 3 was declared lost"));
  CHECK(it.await(it.reconfigure(1, {1, 2})).kind == answer_kind::applied);
  it.must_write(8);
  it.must_agree_on({1, 2});
}

TEST_CASE("the coordinator's disk is lost for good: the next one takes over, once it is told") {
  group it{3};
  it.settle();
  for (int i = 1; i <= 20; ++i)
    it.must_write(i);
  it.run_for(milliseconds{300});
  auto term = it.status(1).term;
  it.lose_disk(1);
  it.run_for(seconds{3});
  CHECK(it.leader() == 0);
  it.declare_lost(3, 1); // not the one that takes over
  CHECK(it.run_until([&] { return it.status(2).role == atl::spi::replica_role::leader; }));
  CHECK(it.status(2).term > term);
  CHECK(contains(it.status(2).blocked, "replica 1 was declared lost"));
  CHECK(it.must_read(2) == 20);
  CHECK(it.await(it.reconfigure(2, {2, 3, 4})).kind == answer_kind::applied);
  it.must_write(21);
  CHECK(it.must_read(4) == 21);
  it.must_agree_on({2, 3, 4});
}

TEST_CASE("one that takes over from a lost coordinator doesn't abort what that one may have "
          "committed, also when it restarts meanwhile") {
  group it{3};
  it.settle();
  it.on_messages(message_type::decide, passage::drop, 1, 2);
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
  CHECK(it.await(it.read(2, 1)).kind == answer_kind::refused);
  it.heal_network();
  CHECK(it.must_read(2) == 7);
  CHECK(it.run_until([&] { return it.status(2).role == atl::spi::replica_role::leader; }));
  CHECK(it.await(it.reconfigure(2, {2, 3})).kind == answer_kind::applied);
  it.must_agree_on({2, 3});
}

TEST_CASE("with a coordinator lost for good, what everybody prepared and nobody knows blocks until "
          "people decide") {
  for (std::string choice : {"block", "commit", "abort"}) {
    group it{3, {{"lost_decisions", choice}}};
    it.settle();
    it.on_messages(message_type::vote, passage::drop, 3);
    it.write(7); // never answered, so that either choice is right
    it.run_for(milliseconds{50});
    it.lose_disk(1);
    it.all_messages_pass();
    it.declare_lost(2, 1);
    it.run_for(seconds{5});
    if (choice == "block") {
      CHECK(contains(it.status(2).blocked, "whether position 1 was committed is lost"));
      CHECK(contains(it.status(2).blocked, "set lost_decisions"));
      CHECK(it.await(it.reconfigure(2, {2, 3})).kind == answer_kind::refused);
      continue;
    }
    CHECK(it.await(it.reconfigure(2, {2, 3})).kind == answer_kind::applied);
    CHECK(it.must_read(3) == (choice == "commit" ? register_value{7} : register_value{}));
    it.must_agree_on({2, 3});
  }
}

TEST_CASE(
    "with a coordinator lost in the middle of a change, those who were to join are asked too") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.filter([](auto from, auto to, std::string_view bytes) {
    auto type = group::type_of(bytes);
    return from == 1 && to != 4 && (type == message_type::decide || type == message_type::entries)
               ? passage::drop
               : passage::pass;
  });
  auto change = it.reconfigure(1, {1, 3, 4});
  CHECK(it.run_until([&] { return it.members(4).voters == voters{1, 3, 4}; }));
  it.lose_disk(1);
  CHECK(it.outcome(change).kind != answer_kind::refused);
  it.all_messages_pass();
  it.declare_lost(2, 1);
  CHECK(it.run_until([&] { return it.status(3).role == atl::spi::replica_role::leader; }));
  CHECK(it.await(it.reconfigure(3, {3, 4})).kind == answer_kind::applied);
  it.must_write(8);
  it.must_agree_on({3, 4});
}

TEST_CASE("a group takes 256 declared losses in its life; beyond it nobody is put out unheard") {
  group it{3};
  it.settle();
  it.must_write(7);
  for (atl::spi::replica_id other = 1001; other < 1001 + atl::two_phase::max_lost; ++other)
    it.declare_lost(2, other); // of members that came and went
  it.must_write(8);
  it.run_for(milliseconds{10});
  it.isolate(3);
  it.run_for(seconds{2});
  for (atl::spi::replica_id id : {1U, 2U})
    it.declare_lost(id, 3);
  auto refused = it.await(it.reconfigure(1, {1, 2}));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "told of 256 losses, and takes no more"));
  CHECK(it.must_read(3) == 8);
  it.heal_network();
  it.must_write(9);
  it.must_agree_on({1, 2, 3});
}

TEST_CASE("what a lost member said before counts for nothing, and if it comes back it stops") {
  group it{3, {}, false};
  it.settle();
  it.must_write(7);
  it.crash(3);
  it.declare_lost(1, 3); // wrongly
  CHECK(it.await(it.reconfigure(1, {1, 2})).kind == answer_kind::applied);
  it.restart(3);
  it.run_for(seconds{1});
  it.must_write(8);
  it.deliver(1, 3, ""); // nothing that it could make sense of
  auto refused = it.await(it.reconfigure(1, {1, 2, 3}));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(
      contains(refused.reason, "replica 3 was declared lost, and never comes back under this id"));
  it.must_agree_on({1, 2});
}

TEST_CASE("a member that is told that it is lost stops, and says what to do") {
  group it{3, {}, false};
  it.settle();
  it.must_write(7);
  it.isolate(3);
  it.declare_lost(1, 3); // wrongly
  it.run_for(milliseconds{300});
  std::string heartbeat;
  it.filter([&heartbeat](auto from, auto, std::string_view bytes) {
    if (from == 1 && group::type_of(bytes) == message_type::heartbeat)
      heartbeat = bytes;
    return passage::pass;
  });
  it.run_for(milliseconds{300});
  it.deliver(1, 3, heartbeat);
  CHECK(!it.up(3));
  CHECK(contains(it.fatal_reason(3), "the disk of replica 3 is lost"));
  CHECK(contains(it.fatal_reason(3), "an id that was never used"));
}

TEST_CASE("the group is on disk: all members restart, and know who they are") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.must_change({2, 4}, {1});
  it.settle();
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
  it.must_write(9);
  it.must_agree_on({2, 4});
}

TEST_CASE("a learner's disk is lost: it starts over, and nobody waits for it") {
  group it{3};
  it.settle();
  it.must_change({1, 2, 3}, {4});
  for (int i = 1; i <= 20; ++i)
    it.must_write(i);
  it.lose_disk(4);
  it.must_write(21);
  it.restart(4);
  CHECK(it.run_until([&] { return it.applied(4) == it.applied(1); }));
  it.must_change({1, 2, 3, 4});
  it.must_agree_on({1, 2, 3, 4});
  CHECK(it.must_read(4) == 21);
}

TEST_CASE("a voter with an empty disk, born elsewhere, learns who coordinates and catches up") {
  group it{3};
  it.settle();
  it.must_change({2, 3, 4});
  it.settle();
  for (int i = 1; i <= 20; ++i)
    it.must_write(i);
  it.lose_disk(4);
  it.restart(4);
  it.must_agree_on({2, 3, 4});
  CHECK(it.must_read(4) == 20);
  it.lose_disk(2); // the coordinator, which thinks at first that replica 1 coordinates
  it.restart(2);
  it.settle();
  CHECK(it.leader() == 2);
  CHECK(it.must_read(2) == 20);
  it.must_write(21);
  it.must_agree_on({2, 3, 4});
}

TEST_CASE("a group of one grows, and its first member is not alone when it starts with an empty "
          "disk") {
  group it{1};
  it.settle();
  it.must_write(7);
  it.must_change({1, 2});
  it.must_write(8);
  it.run_for(milliseconds{300});
  it.lose_disk(1);
  it.restart(1);
  it.settle();
  CHECK(it.must_read(1) == 8);
  it.must_write(9);
  it.must_agree_on({1, 2});
}

TEST_CASE("a change to nobody, or with an id of nobody, is refused") {
  group it{3};
  it.settle();
  CHECK(it.await(it.reconfigure(1, {})).kind == answer_kind::refused);
  CHECK(contains(it.await(it.reconfigure(1, {})).reason, "at least one voter"));
  auto elsewhere = it.await(it.reconfigure(2, {1, 2}));
  CHECK(elsewhere.kind == answer_kind::refused);
  CHECK(elsewhere.hint == 1);
  it.must_write(7);
}

namespace {

/// The group changes all the time while commands are counted, each again until it is answered.
std::uint64_t changes_and_counts(std::uint64_t crash_at, bool everybody) {
  group it{3};
  if (crash_at != 0)
    it.crash_at_effect(crash_at, everybody);
  const std::vector<std::pair<voters, voters>> steps = {
      {{1, 2, 3}, {4}}, {{2, 4}, {1}}, {{1, 2, 4}, {}}};
  std::uint64_t tags = 0;
  std::int64_t count = 0;
  for (auto& [wanted, learners] : steps) {
    for (auto is_change : {true, false}) {
      count += is_change ? 0 : 1;
      auto done = false;
      for (int attempt = 0; attempt < 300 && !done; ++attempt) {
        if (auto leader = it.leader(); leader != 0) {
          auto sequence = static_cast<std::uint64_t>(count);
          auto ticket =
              is_change
                  ? it.reconfigure(leader, wanted, learners)
                  : it.propose(leader, register_command{
                                           ++tags, 1, sequence, 1, operation_kind::add, 1, {}});
          done = it.await(ticket, seconds{3}).kind == answer_kind::applied;
        }
        if (!done)
          it.run_for(milliseconds{50});
      }
      CHECK(done);
    }
  }
  it.run_for(seconds{1});
  it.must_agree_on({1, 2, 4});
  auto effects = it.stats().effects;
  for (atl::spi::replica_id id : {1U, 2U, 4U})
    CHECK(it.must_read(id) == count);
  CHECK(it.await(it.read(3, 1)).kind == answer_kind::refused);
  return effects;
}

} // namespace

TEST_CASE("one replica crashes before any effect of changes of the group, and nothing is lost") {
  auto last = changes_and_counts(0, false);
  for (std::uint64_t effect = 1; effect <= last; ++effect) {
    CAPTURE(effect);
    changes_and_counts(effect, false);
  }
}

TEST_CASE("all replicas crash before any effect of changes of the group, and nothing is lost") {
  auto last = changes_and_counts(0, true);
  for (std::uint64_t effect = 1; effect <= last; ++effect) {
    CAPTURE(effect);
    changes_and_counts(effect, true);
  }
}
