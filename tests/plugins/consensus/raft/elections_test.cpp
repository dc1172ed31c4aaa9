#include "../lost_leader.hpp"
#include "../refusals.hpp"
#include "raft.hpp"

TEST_CASE("a promise for a lease outlives the connection to the leader") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    under_test::leaderless_group group{raft::plugin(), seed, 3, {{"lease", "true"}}};
    group.crash_leader(seed % 2 == 0);
    CHECK(group.time_without_leader() >= under_test::election_timeout - under_test::heartbeat);
    CHECK(group.violation() == "");
  }
}

TEST_CASE("a leader that hasn't committed an entry of its own refuses changes as busy") {
  under_test::refusing_group group;
  auto first = group.leader();
  auto next = first % 3 + 1;
  group.filter([&](auto, auto, std::string_view bytes) { // the leader's entries reach no replica
    return !bytes.empty() && group.status(next).role == atl::spi::replica_role::leader
               ? atl::sim::filter_action::drop
               : atl::sim::filter_action::pass;
  });
  group.transfer(first, next);
  REQUIRE(
      group.run_until([&] { return group.status(next).role == atl::spi::replica_role::leader; }));
  group.must_have_been_busy(group.reconfigure(next, {1, 2, 3}));
}
