#include "scenario.hpp"

/// Disks that come back empty or with unreadable records.
using namespace two_phase_commit;
using atl::two_phase::decision_stream;
using atl::two_phase::prepare_stream;

TEST_CASE("a participant with an empty disk answers no reads before it has caught up") {
  group it{3};
  it.await_leader();
  for (int i = 1; i <= 50; ++i)
    it.must_write(i);
  it.lose_disk(3);
  it.isolate(3);
  it.restart(3);
  auto refused = it.await(it.read(3, 1));
  CHECK(refused.kind == answer_kind::refused);
  CHECK(contains(refused.reason, "lost its disk"));
  CHECK(contains(it.await(it.write(51)).reason, "replica 3"));
  it.heal_network();
  CHECK(it.must_read(3) == 50);
  it.await_leader();
  it.must_write(51);
  it.must_agree();
  CHECK(it.stats().snapshots == 0);
}

TEST_CASE(
    "a participant that lost its votes with its disk answers no reads before it fetches them") {
  // Replica 3 voted for a write that was answered; a heartbeat sent before that write must not
  // complete its recovery.
  group it{3};
  it.await_leader();
  it.on_messages(message_type::heartbeat, filter_action::hold, 1, 3);
  it.run_for(milliseconds{300});
  it.pass_all_messages();
  it.on_messages(message_type::decide, filter_action::drop, 1, 3);
  it.must_write(7);
  it.crash(3);
  it.isolate(3);
  it.lose_disk(3);
  it.restart(3);
  it.release_held();
  auto got = it.await(it.read(3, 1));
  CHECK(got.kind == answer_kind::refused);
  it.heal_network();
  it.pass_all_messages();
  CHECK(it.must_read(3) == 7);
  it.must_agree();
}

TEST_CASE("a participant that needs entries that were cut receives a snapshot") {
  group it{3, {{"keep_entries", "10"}}};
  it.await_leader();
  for (int i = 1; i <= 100; ++i)
    it.must_write(i, static_cast<std::uint64_t>(i % 7));
  it.run_for(seconds{1});
  REQUIRE(it.status(1).first > 50);
  REQUIRE(it.status(2).first > 50);
  it.lose_disk(2);
  it.restart(2);
  it.await_recovery(2);
  CHECK(it.stats().snapshots == 1);
  CHECK(it.must_read(2, 100 % 7) == 100);
  CHECK(it.must_read(2, 97 % 7) == 97);
  it.must_write(101);
  it.must_agree();
}

TEST_CASE("a coordinator with an empty disk recovers the log from its peers and continues it") {
  group it{3};
  it.await_leader();
  for (int i = 1; i <= 50; ++i)
    it.must_write(i);
  auto term = it.status(1).term;
  it.lose_disk(1);
  it.restart(1);
  it.await_leader();
  CHECK(it.status(1).term > term);
  CHECK(it.must_read(1) == 50);
  CHECK(it.must_write(51) == 51);
  it.must_agree();
}

TEST_CASE("a coordinator with an empty disk waits for every participant before it accepts writes") {
  group it{3};
  it.await_leader();
  it.must_write(7);
  it.isolate(3);
  it.lose_disk(1);
  it.restart(1);
  it.run_for(seconds{3});
  CHECK(contains(it.status(1).blocked, "replica 3"));
  CHECK(it.await(it.read(1, 1)).kind == answer_kind::refused);
  CHECK(it.await(it.write(8)).kind == answer_kind::refused);
  it.heal_network();
  it.await_leader();
  CHECK(it.must_read(1) == 7);
}

TEST_CASE(
    "a coordinator with an empty disk receives a snapshot when its peers have cut their logs") {
  group it{3, {{"keep_entries", "10"}}};
  it.await_leader();
  for (int i = 1; i <= 100; ++i)
    it.must_write(i);
  it.run_for(seconds{1});
  it.lose_disk(1);
  it.restart(1);
  it.await_leader();
  CHECK(it.stats().snapshots >= 1);
  CHECK(it.must_read(1) == 100);
  CHECK(it.must_write(101) == 101);
  it.must_agree();
}

TEST_CASE("an entry that some participant never prepared is aborted after the coordinator's disk "
          "is lost") {
  group it{3};
  it.await_leader();
  it.must_write(7);
  it.on_messages(message_type::prepare, filter_action::drop, 1, 3);
  it.write(8);
  it.run_for(milliseconds{50});
  it.lose_disk(1);
  it.pass_all_messages();
  it.restart(1);
  it.await_leader();
  CHECK(it.must_read(2) == 7);
  it.must_agree();
  CHECK(it.must_write(9) == 3);
}

TEST_CASE("a commit that one participant knows is kept after the coordinator's disk is lost") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::drop, 1, 2);
  it.must_write(7);
  it.run_for(milliseconds{10});
  it.crash(2, 0);
  it.lose_disk(1);
  it.pass_all_messages();
  it.restart(1);
  it.restart(2);
  it.await_leader();
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    CHECK(it.must_read(id) == 7);
  it.must_agree();
}

TEST_CASE("an entry that all prepared and none knows decided blocks with a remedy after the "
          "coordinator's disk is lost") {
  group it{3};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7); // answered, so an abort would lose the write
  it.lose_disk(1);
  it.pass_all_messages();
  it.restart(1);
  it.run_for(seconds{5});
  CHECK(contains(it.status(1).blocked, "whether index 1 was committed is lost"));
  CHECK(contains(it.status(1).blocked, "set lost_decisions"));
  CHECK(it.await(it.write(8)).kind == answer_kind::refused);
  CHECK(it.await(it.read(2, 1)).kind == answer_kind::refused);
  CHECK(it.violation() == "");
}

TEST_CASE("lost_decisions decides a lost decision at the coordinator's next start") {
  for (std::string choice : {"commit", "abort"}) {
    group it{3, {{"lost_decisions", choice}}};
    it.await_leader();
    it.on_messages(message_type::vote, filter_action::drop, 3);
    it.write(7);
    it.run_for(milliseconds{50});
    it.lose_disk(1);
    it.pass_all_messages();
    it.restart(1);
    it.await_leader();
    for (atl::spi::replica_id id = 1; id <= 3; ++id)
      CHECK(it.must_read(id) == (choice == "commit" ? register_value{7} : register_value{}));
    it.must_agree();
  }
}

TEST_CASE("a participant's unreadable record is fetched again and never treated as missing") {
  for (auto stream : {prepare_stream, decision_stream})
    for (bool both : {false, true}) {
      group it{3};
      it.await_leader();
      for (int i = 1; i <= 5; ++i)
        it.must_write(i);
      it.run_for(milliseconds{10});
      it.crash(2, 9);
      REQUIRE(it.damage(2, stream, 5));
      if (both)
        REQUIRE(it.damage(2, stream == 0 ? 1 : 0, 5));
      it.isolate(2);
      it.restart(2);
      // An isolated replica cannot know the entry and must not answer reads without it.
      auto applied = it.applied(2);
      if (applied < 5)
        CHECK(it.await(it.read(2, 1)).kind == answer_kind::refused);
      it.heal_network();
      CHECK(it.must_read(2) == 5);
      it.await_leader();
      it.must_write(6);
      it.must_agree();
    }
}

TEST_CASE("the coordinator's unreadable decision is fetched from the participants") {
  group it{3};
  it.await_leader();
  for (int i = 1; i <= 5; ++i)
    it.must_write(i);
  it.run_for(milliseconds{10});
  it.crash(1, 9);
  REQUIRE(it.damage(1, decision_stream, 5));
  REQUIRE(it.damage(1, prepare_stream, 4));
  it.restart(1);
  it.await_leader();
  CHECK(it.must_read(1) == 5);
  CHECK(it.must_write(6) == 6);
  it.must_agree();
}

TEST_CASE("an unreadable entry of the coordinator is committed if all other voters hold it") {
  for (bool complete : {false, true}) {
    group it{3};
    it.await_leader();
    it.on_messages(message_type::vote, filter_action::drop);
    if (!complete)
      it.on_messages(message_type::prepare, filter_action::drop, 1, 3);
    it.write(7);
    it.run_for(milliseconds{50});
    it.crash(1, 9);
    REQUIRE(it.damage(1, prepare_stream, 1));
    it.pass_all_messages();
    it.restart(1);
    it.await_leader();
    CHECK(it.must_read(1) == (complete ? register_value{7} : register_value{}));
    CHECK(it.must_write(8) == 2);
    it.must_agree();
  }
}

TEST_CASE("an entry that may be committed and no replica can read blocks the coordinator") {
  group it{3, {}, false};
  it.await_leader();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  for (atl::spi::replica_id id = 1; id <= 3; ++id) {
    it.crash(id, 0);
    REQUIRE(it.damage(id, prepare_stream, 1));
  }
  it.pass_all_messages();
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    it.restart(id);
  it.run_for(seconds{3});
  CHECK(contains(it.status(1).blocked, "whether index 1 was committed is lost"));
  CHECK(it.await(it.read(1, 1)).kind == answer_kind::refused);
}

TEST_CASE("an abort found in recovery is durable before it is announced") {
  // Only replica 3's log shows that index 1 was not committed, and then replica 3 loses its disk.
  group it{3};
  it.await_leader();
  it.on_messages(message_type::prepare, filter_action::drop, 1, 3);
  it.write(7);
  it.run_for(milliseconds{50});
  it.crash(1, 9);
  it.pass_all_messages();
  it.restart(1);
  it.on_messages(message_type::decide, filter_action::drop);
  it.run_until([&] { return it.applied(1) == 1; });
  it.crash(1, 0);
  it.lose_disk(3);
  it.restart(3);
  it.restart(1);
  it.pass_all_messages();
  it.await_leader();
  it.must_write(8);
  it.must_agree();
}

TEST_CASE("a participant applies nothing after an abort before the abort is durable") {
  // Once the coordinator's disk is lost, no other replica knows that the index was used.
  group it{3};
  it.await_leader();
  it.filter([](auto, auto to, std::string_view bytes) {
    auto type = group::type_of(bytes);
    auto lost = type == message_type::prepare || (type == message_type::decide && to == 2);
    return lost ? filter_action::drop : filter_action::pass;
  });
  it.must_refuse(it.write(7));
  it.run_until([&] { return it.applied(3) == 1; });
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    it.crash(id, 0);
  it.lose_disk(1);
  it.pass_all_messages();
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    it.restart(id);
  it.await_leader();
  it.must_write(8);
  it.must_agree();
}

TEST_CASE("an entry that no replica can read stops the coordinator with the entry's index") {
  group it{1, {}, false};
  it.await_leader();
  it.must_write(7);
  it.crash(1, 9);
  REQUIRE(it.damage(1, prepare_stream, 1));
  it.restart(1);
  CHECK(!it.up(1));
  CHECK(contains(it.fatal_reason(1), "an entry after index 0 cannot be read"));
}

TEST_CASE("a damaged meta blob is treated as a lost disk, and the remaining records are used") {
  for (atl::spi::replica_id id : {1U, 2U}) {
    group it{3};
    it.await_leader();
    for (int i = 1; i <= 10; ++i)
      it.must_write(i);
    it.crash(id);
    it.damage_meta(id);
    it.restart(id);
    it.await_recovery(id);
    CHECK(it.must_read(id) == 10);
    CHECK(it.must_write(11) == 11);
    it.must_agree();
  }
}

TEST_CASE("the disk of another group is refused with both groups named") {
  group it{3, {}, false};
  it.await_leader();
  it.must_write(7);
  auto options = two_phase_commit::options(1, 3);
  atl::spi::consensus_setup setup{options.protocol_options, 1, {1, 2, 4}, 1, 1};
  auto other = two_phase_commit::factory()(setup);
  atl::spi::stable_state stable;
  stable.meta = atl::two_phase::encode_meta({{1, 2, 3}, 1, true, 1});
  other->start(std::move(stable), 0, {});
  std::vector<atl::spi::effect> out;
  other->drain(out);
  REQUIRE(out.size() == 1);
  auto stopped = std::get_if<atl::spi::fatal>(&out[0]);
  REQUIRE(stopped);
  CHECK(contains(stopped->reason, "1, 2, 3"));
  CHECK(contains(stopped->reason, "1, 2, 4"));
}
