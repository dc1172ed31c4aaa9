#include "scenario.hpp"

/// Disks that come back empty, or with records that can't be read.
using namespace two_phase_commit;
using atl::two_phase::decision_stream;
using atl::two_phase::prepare_stream;

TEST_CASE("a participant with an empty disk answers no read before it has caught up") {
  group it{3};
  it.settle();
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
  it.settle();
  it.must_write(51);
  it.must_agree();
  CHECK(it.stats().snapshots == 0);
}

TEST_CASE("a participant whose votes went with its disk doesn't answer reads past them") {
  // It voted for a write that was answered; a heartbeat from before must not make it whole.
  group it{3};
  it.settle();
  it.on_messages(message_type::heartbeat, filter_action::hold, 1, 3);
  it.run_for(milliseconds{300});
  it.all_messages_pass();
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
  it.all_messages_pass();
  CHECK(it.must_read(3) == 7);
  it.must_agree();
}

TEST_CASE("a participant that needs entries which were cut gets a snapshot") {
  group it{3, {{"keep_entries", "10"}}};
  it.settle();
  for (int i = 1; i <= 100; ++i)
    it.must_write(i, static_cast<std::uint64_t>(i % 7));
  it.run_for(seconds{1});
  REQUIRE(it.status(1).first > 50);
  REQUIRE(it.status(2).first > 50);
  it.lose_disk(2);
  it.restart(2);
  it.back(2);
  CHECK(it.stats().snapshots == 1);
  CHECK(it.must_read(2, 100 % 7) == 100);
  CHECK(it.must_read(2, 97 % 7) == 97);
  it.must_write(101);
  it.must_agree();
}

TEST_CASE("a coordinator with an empty disk learns the log from the others and goes on with it") {
  group it{3};
  it.settle();
  for (int i = 1; i <= 50; ++i)
    it.must_write(i);
  auto term = it.status(1).term;
  it.lose_disk(1);
  it.restart(1);
  it.settle();
  CHECK(it.status(1).term > term);
  CHECK(it.must_read(1) == 50);
  CHECK(it.must_write(51) == 51);
  it.must_agree();
}

TEST_CASE("a coordinator with an empty disk waits for every participant before it takes writes") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.isolate(3);
  it.lose_disk(1);
  it.restart(1);
  it.run_for(seconds{3});
  CHECK(contains(it.status(1).blocked, "replica 3"));
  CHECK(it.await(it.read(1, 1)).kind == answer_kind::refused);
  CHECK(it.await(it.write(8)).kind == answer_kind::refused);
  it.heal_network();
  it.settle();
  CHECK(it.must_read(1) == 7);
}

TEST_CASE("a coordinator with an empty disk gets a snapshot when the others have cut their logs") {
  group it{3, {{"keep_entries", "10"}}};
  it.settle();
  for (int i = 1; i <= 100; ++i)
    it.must_write(i);
  it.run_for(seconds{1});
  it.lose_disk(1);
  it.restart(1);
  it.settle();
  CHECK(it.stats().snapshots >= 1);
  CHECK(it.must_read(1) == 100);
  CHECK(it.must_write(101) == 101);
  it.must_agree();
}

TEST_CASE("with the coordinator's disk lost, what some participant never prepared is aborted") {
  group it{3};
  it.settle();
  it.must_write(7);
  it.on_messages(message_type::prepare, filter_action::drop, 1, 3);
  it.write(8);
  it.run_for(milliseconds{50});
  it.lose_disk(1);
  it.all_messages_pass();
  it.restart(1);
  it.settle();
  CHECK(it.must_read(2) == 7);
  it.must_agree();
  CHECK(it.must_write(9) == 3);
}

TEST_CASE("with the coordinator's disk lost, what one participant knows was committed stays so") {
  group it{3};
  it.settle();
  it.on_messages(message_type::decide, filter_action::drop, 1, 2);
  it.must_write(7);
  it.run_for(milliseconds{10});
  it.crash(2, 0);
  it.lose_disk(1);
  it.all_messages_pass();
  it.restart(1);
  it.restart(2);
  it.settle();
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    CHECK(it.must_read(id) == 7);
  it.must_agree();
}

TEST_CASE("with the coordinator's disk lost, what everybody prepared and nobody knows blocks, and "
          "says what to do") {
  group it{3};
  it.settle();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7); // answered: an abort would lose it
  it.lose_disk(1);
  it.all_messages_pass();
  it.restart(1);
  it.run_for(seconds{5});
  CHECK(contains(it.status(1).blocked, "whether index 1 was committed is lost"));
  CHECK(contains(it.status(1).blocked, "set lost_decisions"));
  CHECK(it.await(it.write(8)).kind == answer_kind::refused);
  CHECK(it.await(it.read(2, 1)).kind == answer_kind::refused);
  CHECK(it.violation() == "");
}

TEST_CASE("an operator may decide what nobody knows, at the coordinator's next start") {
  for (std::string choice : {"commit", "abort"}) {
    group it{3, {{"lost_decisions", choice}}};
    it.settle();
    it.on_messages(message_type::vote, filter_action::drop, 3);
    it.write(7);
    it.run_for(milliseconds{50});
    it.lose_disk(1);
    it.all_messages_pass();
    it.restart(1);
    it.settle();
    for (atl::spi::replica_id id = 1; id <= 3; ++id)
      CHECK(it.must_read(id) == (choice == "commit" ? register_value{7} : register_value{}));
    it.must_agree();
  }
}

TEST_CASE("a participant's unreadable record is filled in again, and never taken for none") {
  for (auto stream : {prepare_stream, decision_stream})
    for (bool both : {false, true}) {
      group it{3};
      it.settle();
      for (int i = 1; i <= 5; ++i)
        it.must_write(i);
      it.run_for(milliseconds{10});
      it.crash(2, 9);
      REQUIRE(it.damage(2, stream, 5));
      if (both)
        REQUIRE(it.damage(2, stream == 0 ? 1 : 0, 5));
      it.isolate(2);
      it.restart(2);
      // Cut off from all others it can't know, and doesn't answer without.
      auto applied = it.applied(2);
      if (applied < 5)
        CHECK(it.await(it.read(2, 1)).kind == answer_kind::refused);
      it.heal_network();
      CHECK(it.must_read(2) == 5);
      it.settle();
      it.must_write(6);
      it.must_agree();
    }
}

TEST_CASE("the coordinator's unreadable decision is learnt from the participants") {
  group it{3};
  it.settle();
  for (int i = 1; i <= 5; ++i)
    it.must_write(i);
  it.run_for(milliseconds{10});
  it.crash(1, 9);
  REQUIRE(it.damage(1, decision_stream, 5));
  REQUIRE(it.damage(1, prepare_stream, 4));
  it.restart(1);
  it.settle();
  CHECK(it.must_read(1) == 5);
  CHECK(it.must_write(6) == 6);
  it.must_agree();
}

TEST_CASE("an unreadable entry of the coordinator's is committed if all others have it") {
  for (bool complete : {false, true}) {
    group it{3};
    it.settle();
    it.on_messages(message_type::vote, filter_action::drop);
    if (!complete)
      it.on_messages(message_type::prepare, filter_action::drop, 1, 3);
    it.write(7);
    it.run_for(milliseconds{50});
    it.crash(1, 9);
    REQUIRE(it.damage(1, prepare_stream, 1));
    it.all_messages_pass();
    it.restart(1);
    it.settle();
    CHECK(it.must_read(1) == (complete ? register_value{7} : register_value{}));
    CHECK(it.must_write(8) == 2);
    it.must_agree();
  }
}

TEST_CASE("what may be committed and no replica can read any more blocks the coordinator") {
  group it{3, {}, false};
  it.settle();
  it.on_messages(message_type::decide, filter_action::drop);
  it.must_write(7);
  for (atl::spi::replica_id id = 1; id <= 3; ++id) {
    it.crash(id, 0);
    REQUIRE(it.damage(id, prepare_stream, 1));
  }
  it.all_messages_pass();
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    it.restart(id);
  it.run_for(seconds{3});
  CHECK(contains(it.status(1).blocked, "whether index 1 was committed is lost"));
  CHECK(it.await(it.read(1, 1)).kind == answer_kind::refused);
}

TEST_CASE("an abort found out by a coordinator that starts is durable before it shows") {
  // Replica 3 alone shows that index 1 wasn't committed, and then it loses its disk.
  group it{3};
  it.settle();
  it.on_messages(message_type::prepare, filter_action::drop, 1, 3);
  it.write(7);
  it.run_for(milliseconds{50});
  it.crash(1, 9);
  it.all_messages_pass();
  it.restart(1);
  it.on_messages(message_type::decide, filter_action::drop);
  it.run_until([&] { return it.applied(1) == 1; });
  it.crash(1, 0);
  it.lose_disk(3);
  it.restart(3);
  it.restart(1);
  it.all_messages_pass();
  it.settle();
  it.must_write(8);
  it.must_agree();
}

TEST_CASE("a participant has an abort on its disk before it goes past it") {
  // Once the coordinator's disk is lost, nobody else knows that the index was used.
  group it{3};
  it.settle();
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
  it.all_messages_pass();
  for (atl::spi::replica_id id = 1; id <= 3; ++id)
    it.restart(id);
  it.settle();
  it.must_write(8);
  it.must_agree();
}

TEST_CASE("an entry that no replica can read stops the coordinator, which names it") {
  group it{1, {}, false};
  it.settle();
  it.must_write(7);
  it.crash(1, 9);
  REQUIRE(it.damage(1, prepare_stream, 1));
  it.restart(1);
  CHECK(!it.up(1));
  CHECK(contains(it.fatal_reason(1), "an entry behind index 0 can't be read"));
}

TEST_CASE("a damaged meta blob is treated as a lost disk, and the records that are left are used") {
  for (atl::spi::replica_id id : {1U, 2U}) {
    group it{3};
    it.settle();
    for (int i = 1; i <= 10; ++i)
      it.must_write(i);
    it.crash(id);
    it.damage_meta(id);
    it.restart(id);
    it.back(id);
    CHECK(it.must_read(id) == 10);
    CHECK(it.must_write(11) == 11);
    it.must_agree();
  }
}

TEST_CASE("the disk of another group is refused, and both groups are named") {
  group it{3, {}, false};
  it.settle();
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
