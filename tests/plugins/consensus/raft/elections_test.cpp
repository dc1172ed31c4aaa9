#include "../lost_leader.hpp"
#include "raft.hpp"

TEST_CASE("a promise for a lease outlives the connection to the leader") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    under_test::leaderless_group group{raft::plugin(), seed, 3, {{"lease", "true"}}};
    group.crash_leader(seed % 2 == 0);
    CHECK(group.time_without_leader() >= under_test::election_timeout - under_test::heartbeat);
    CHECK(group.violation() == "");
  }
}
