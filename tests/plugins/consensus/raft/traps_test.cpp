#include "scenario.hpp"

/// Mistakes of other implementations, one scenario each.
using namespace raft;

TEST_CASE("a write is committed with a minority down, and all replicas have it afterwards") {
  group it{3};
  auto first = it.must_lead();
  it.crash(it.other_than(first));
  it.must_write(1);
  it.restart(it.other_than(first));
  it.must_agree();
}

TEST_CASE("when the leader crashes another one is elected that has all acknowledged writes") {
  group it{3};
  it.must_write(1);
  auto first = it.leader();
  it.crash(first);
  CHECK(it.must_lead() != first);
  CHECK(it.must_read(it.leader()) == 1);
  it.must_write(2);
  it.restart(first);
  it.must_agree();
  CHECK(it.must_read(first) == 2);
}

TEST_CASE("reads on followers see earlier writes, and write nothing") {
  group it{3};
  it.must_write(5);
  auto before = it.applied(1);
  for (replica_id id = 1; id <= 3; ++id)
    CHECK(it.must_read(id) == 5);
  CHECK(it.applied(1) == before);
}

TEST_CASE("a leader that is cut off answers no reads, and steps down") {
  group it{3};
  it.must_write(1);
  auto first = it.leader();
  it.isolate(first);
  auto stale = it.read(first, 1);
  REQUIRE(it.run_until([&] { return it.leader() != first && it.leader() != 0; }));
  it.must_write(2);
  it.run_for(seconds{5});
  CHECK(it.outcome(stale).kind == answer_kind::refused);
  it.heal_network();
  it.must_agree();
}

TEST_CASE("a write in progress at a leader that is cut off is answered as unknown") {
  group it{3};
  it.must_write(1);
  auto first = it.leader();
  it.isolate(first);
  auto doubtful = it.write(first, 2);
  REQUIRE(it.run_until([&] { return it.outcome(doubtful).kind != answer_kind::pending; }));
  CHECK(it.outcome(doubtful).kind == answer_kind::unknown);
  it.heal_network();
  it.must_agree();
}

TEST_CASE("a replica that was cut off comes back without deposing the leader") {
  group it{3};
  it.must_write(1);
  auto first = it.leader();
  auto term = it.status(first).term;
  it.isolate(it.other_than(first));
  it.run_for(seconds{20});
  it.must_write(2);
  it.heal_network();
  it.must_agree();
  CHECK(it.leader() == first);
  CHECK(it.status(first).term == term);
}

TEST_CASE("a disk that stalls for two seconds causes no election while replicas are connected") {
  group it{3};
  it.must_write(1);
  auto first = it.leader();
  auto term = it.status(first).term;
  for (replica_id id = 1; id <= 3; ++id)
    it.stall_disk(id, seconds{2});
  it.write(first, 2);
  it.run_for(seconds{4});
  CHECK(it.leader() == first);
  CHECK(it.status(first).term == term);
  it.must_agree();
}

TEST_CASE("a one-way cut doesn't stop the group for good") {
  group it{3};
  it.must_write(1);
  auto first = it.leader();
  it.cut(first, it.other_than(first));
  it.cut(first, it.other_than(it.other_than(first)));
  REQUIRE(it.run_until([&] { return it.leader() != 0 && it.leader() != first; }));
  it.must_write(2);
  it.heal_network();
  it.must_agree();
}

TEST_CASE("a leader whose sync fails stops, and the others continue without its unsynced entries") {
  group it{3};
  it.must_write(1);
  auto first = it.leader();
  it.fail_next_sync(first);
  it.write(first, 2);
  it.run_for(seconds{5});
  auto next = it.must_lead();
  CHECK(it.must_read(next) == it.value(next, 1).value_or(0));
  CHECK(it.violation() == "");
}

TEST_CASE("a replica whose id comes back with an empty disk stops with advice") {
  auto options = raft::options(7, 3);
  options.fatal_is_failure = false;
  scripted_simulation it{options, factory()};
  auto leader = [&]() -> replica_id {
    for (replica_id id = 1; id <= 3; ++id)
      if (it.up(id) && it.status(id).role == atl::spi::replica_role::leader &&
          it.status(id).blocked.empty())
        return id;
    return 0;
  };
  REQUIRE(it.run_until([&] { return leader() != 0; }));
  auto first = leader();
  register_command write{1, 1, 1, 1, operation_kind::write, 1, {}};
  REQUIRE(it.await(it.propose(first, write)).kind == answer_kind::applied);
  it.run_for(seconds{1});
  auto victim = first % 3 + 1;
  it.lose_disk(victim);
  it.restart(victim);
  it.run_for(seconds{2});
  CHECK_FALSE(it.up(victim));
  CHECK(it.fatal_reason(victim).find("disk was lost") != std::string::npos);
}

TEST_CASE("a damaged record is named, and not taken for missing") {
  auto options = raft::options(7, 1);
  options.fatal_is_failure = false;
  scripted_simulation it{options, factory()};
  REQUIRE(it.run_until([&] { return it.up(1) && it.status(1).committed > 0; }));
  REQUIRE(it.damage(1, 0, 1));
  it.crash(1);
  it.restart(1);
  it.run_for(seconds{1});
  CHECK(it.fatal_reason(1).find("stream 0 at index 1") != std::string::npos);
}

TEST_CASE("options that can't be safe are refused with the reason") {
  auto made = [](const under_test::overrides& changed) -> std::string {
    auto options = under_test::make_options(raft::plugin(), changed);
    atl::spi::consensus_setup setup{options, 1, {1, 2, 3}, 1, 1};
    try {
      delete raft::plugin().create.consensus(setup);
    } catch (const std::invalid_argument& refused) {
      return refused.what();
    }
    return {};
  };
  CHECK(made({}) == "");
  CHECK(made({{"election_timeout", "150ms"}}).find("twice the heartbeat") != std::string::npos);
  CHECK(made({{"window_bytes", "1KiB"}}).find("batch_bytes") != std::string::npos);
  CHECK(made({{"log_bytes", "1MiB"}}).find("keep_bytes") != std::string::npos);
}
