#include "master/chunk_check.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace dfs;
using std::chrono::seconds;

namespace {

const steady_time begin{seconds{1000}};

struct fixture {
  fixture() {
    protocol::storage_heartbeat heartbeat;
    heartbeat.name = "storage-1";
    registry.update(heartbeat, begin);
    keeper.is_counted = true;
    keeper.units = 9;
    keeper.found_missing = 4;
    keeper.fragments_mended = 2;
  }
  protocol::chunk_check_state state(steady_time when = begin) {
    return check.state(1, keeper, registry, when);
  }

  storage_registry registry{seconds{10}};
  atl::keep::keeper_report keeper;
  chunk_check check;
};

} // namespace

TEST_CASE("a check is done once its round of audits is, and counts what was found since it began") {
  fixture it;
  REQUIRE(it.check.is_new(1));
  it.check.begin(1, 5, it.keeper);
  CHECK_FALSE(it.check.is_new(1));
  CHECK_FALSE(it.state().is_done);
  it.keeper.audit_round = 5;
  it.keeper.found_missing = 7;
  it.keeper.fragments_mended = 3;
  auto state = it.state();
  CHECK(state.is_done);
  CHECK(state.chunks == 9);
  CHECK(state.missing == 3);
  CHECK(state.mended == 1);
}

TEST_CASE("a check isn't done while counts are old or suspicions are verified") {
  fixture it;
  it.check.begin(1, 5, it.keeper);
  it.keeper.audit_round = 5;
  SUBCASE("not counted yet") {
    it.keeper.is_counted = false;
  }
  SUBCASE("counts of before a node left") {
    it.keeper.is_outdated = true;
  }
  SUBCASE("fragments are being verified") {
    it.keeper.verifications = 1;
  }
  CHECK_FALSE(it.state().is_done);
}

TEST_CASE("a storage node that could not be asked is named") {
  fixture it;
  it.check.begin(1, 5, it.keeper);
  CHECK(it.state().nodes_down.empty());
  CHECK(it.state(begin + seconds{11}).nodes_down == std::vector<std::string>{"storage-1"});
}

TEST_CASE("of too many checks the oldest begins again") {
  fixture it;
  for (std::uint64_t run = 1; run <= 65; ++run)
    it.check.begin(run, run, it.keeper);
  CHECK(it.check.is_new(1));
  CHECK_FALSE(it.check.is_new(2));
}

TEST_CASE("a check names the disks that aren't used, of nodes that are up") {
  fixture it;
  it.check.begin(1, 5, it.keeper);
  CHECK(it.state().disks_failed.empty());
  protocol::storage_heartbeat heartbeat;
  heartbeat.name = "storage-1";
  heartbeat.disks = {{"/disk1", "", 0, 0, 0, 0, 0, {}},
                     {"/disk2", "it is gone", 0, 0, 0, 0, 0, {}}};
  it.registry.update(heartbeat, begin);
  CHECK(it.state().disks_failed == std::vector<std::string>{"storage-1: /disk2: it is gone"});
  auto later = it.state(begin + seconds{60});
  CHECK(later.disks_failed.empty());
  CHECK(later.nodes_down == std::vector<std::string>{"storage-1"});
}
