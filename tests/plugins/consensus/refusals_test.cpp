#include "refusals.hpp"

#include <vector>

/// A request that meets a temporary obstacle is refused as busy, so that clients
/// repeat it.
using under_test::refusing_group;
namespace spi = atl::spi;

namespace {

struct membership {
  std::vector<spi::replica_id> voters;
  std::vector<spi::replica_id> learners;
};

} // namespace

TEST_CASE("a membership change is refused as busy while another one is in progress") {
  for (const auto& wanted : {membership{{1, 2, 3}, {4}}, membership{{1, 2, 3, 4}, {}}}) {
    CAPTURE(wanted.voters.size());
    refusing_group group;
    auto leader = group.leader();
    auto first = group.reconfigure(leader, wanted.voters, wanted.learners);
    group.must_have_been_busy(group.reconfigure(leader, wanted.voters, wanted.learners));
    group.must_succeed(first);
  }
}

TEST_CASE("a change to the present members succeeds") {
  for (const auto& wanted :
       {membership{{1, 2, 3}, {}}, membership{{1, 2, 3}, {4}}, membership{{1, 2, 3, 4}, {}}}) {
    CAPTURE(wanted.voters.size());
    refusing_group group;
    for (int repeated = 0; repeated < 3; ++repeated) {
      REQUIRE(group.run_until([&] { return group.leader() != 0; }));
      group.must_succeed(group.reconfigure(group.leader(), wanted.voters, wanted.learners));
    }
    CHECK(group.members(group.leader()).voters == wanted.voters);
    CHECK(group.members(group.leader()).learners == wanted.learners);
    CHECK(group.refused.empty());
  }
}

TEST_CASE("a command beyond max_in_flight is refused as busy") {
  refusing_group group{{{"max_in_flight", "1"}}};
  auto first = group.write();
  group.must_have_been_busy(group.write());
  group.must_succeed(first);
}
