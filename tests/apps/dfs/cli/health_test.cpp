#include "cli/health.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

/// The summary that `dfs status` derives from the masters' views.
using namespace dfs::cli;
using atl::node::group_status;
using nlohmann::json;

namespace {

std::string name_of(int id) {
  return fmt::format("master-{}", id);
}

/// What one of three masters says of the group; master-1 leads.
group_status status_of(int id) {
  group_status status;
  status.self = {static_cast<std::uint32_t>(id), name_of(id), {}, {}};
  status.role = id == 1 ? atl::spi::replica_role::leader : atl::spi::replica_role::follower;
  status.term = 3;
  status.leader = 1;
  status.committed = status.applied = 10;
  status.voters = {1, 2, 3};
  for (std::uint32_t each : {1, 2, 3})
    status.known.push_back({each, name_of(static_cast<int>(each)), {"127.0.0.1", 7110}});
  status.settings = {{"placement", "random 1.0 {}"}, {"files.grace", "1h"}};
  return status;
}

/// The rest of a master's report.
json view_of() {
  json view;
  view["storages"] = json::array();
  for (auto* name : {"storage-1", "storage-2"})
    view["storages"].push_back({{"name", name}, {"health", "up"}, {"failed", ""}});
  view["files"] = json::object();
  view["copies"] = {{"state", "counted"}, {"chunks", 5}, {"short", 0}, {"unreadable", 0}};
  view["shortage"] = "";
  return view;
}

/// Three masters, what they say, and the leader's report.
struct masters {
  std::map<int, group_status> says;
  json view = view_of();

  masters() {
    for (int id : {1, 2, 3})
      says[id] = status_of(id);
  }
  group_status& operator[](int id) { return says[id]; }
  void down(int id) { says.erase(id); }

  cluster_status status() const {
    std::vector<group_status> answers;
    for (auto& [id, status] : says)
      answers.push_back(status);
    auto group = atl::node::judge_group(std::move(answers));
    REQUIRE(group.has_value());
    return {view, std::move(*group)};
  }
  std::string line() const { return health_line(judge_health(status())); }
  int code() const { return health_exit_code(judge_health(status())); }
};

} // namespace

TEST_CASE("status shows a cluster without faults as healthy, and exits with 0") {
  masters all;
  CHECK(all.line() == "healthy");
  CHECK(all.code() == 0);
  CHECK(to_json(all.status())["health"]["state"] == "healthy");
}

TEST_CASE("chunks short of copies and nodes that are down degrade a cluster") {
  masters all;
  all.view["copies"]["short"] = 3;
  all.view["storages"][1]["health"] = "down";
  all.down(3);
  CHECK(all.line() == "degraded: 3 chunks short of copies, storage-2 is down, master-3 is down");
  CHECK(all.code() == 8);
}

TEST_CASE("chunks that can't be read are named first") {
  masters all;
  all.view["copies"]["short"] = 3;
  all.view["copies"]["unreadable"] = 1;
  CHECK(all.line() == "degraded: 1 chunk can't be read, 3 chunks short of copies");
}

TEST_CASE("a policy whose plugins the leading master can't use degrades a cluster") {
  masters all;
  all.view["unusable_policies"] = json::array();
  CHECK(all.line() == "healthy");
  all.view["unusable_policies"].push_back({{"policy", 6}, {"why", "there is no plugin 'x'"}});
  CHECK(all.line() == "degraded: the leading master can't use policy 6, so that its chunks aren't "
                      "looked after (there is no plugin 'x')");
  CHECK(all.code() == 8);
}

TEST_CASE("a storage node that takes no more data degrades a cluster, with the reason") {
  masters all;
  all.view["storages"][0]["health"] = "failed";
  all.view["storages"][0]["failed"] = "its disk is broken";
  CHECK(all.line() == "degraded: storage-1 takes no more data (its disk is broken)");
}

TEST_CASE("a disk of a storage node that isn't used degrades a cluster, with the reason") {
  masters all;
  all.view["storages"][0]["disks"] = {
      {{"folder", "/disk1"}, {"health", "up"}, {"failed", ""}},
      {{"folder", "/disk2"}, {"health", "failed"}, {"failed", "it is gone"}}};
  CHECK(all.line() == "degraded: disk /disk2 of storage-1 isn't used (it is gone)");
  all.view["storages"][0]["health"] = "down"; // what it said of its disks is out of date
  CHECK(all.line() == "degraded: storage-1 is down");
}

TEST_CASE("a cluster whose chunks haven't been counted yet isn't degraded for that") {
  masters all;
  all.view["copies"] = {{"state", "counting"}};
  CHECK(all.line() == "healthy");
}

TEST_CASE("writes that a leading master refuses make a cluster unavailable, for whatever reason") {
  masters all;
  SUBCASE("it needs a master that is down") {
    all[1].blocked = "master-2 can't be reached";
    CHECK(all.line() == "writes are refused: master-2 can't be reached");
  }
  SUBCASE("a plugin threw") {
    all.view["problem"] = "the balancer threw";
    CHECK(all.line() == "writes are refused: the balancer threw");
  }
  SUBCASE("too few storage nodes are up") {
    all.view["shortage"] = "only 1 of 2 can take a chunk";
    CHECK(all.line() == "writes are refused: only 1 of 2 can take a chunk");
  }
  CHECK(all.code() == 5);
}

TEST_CASE("without a leader status says how many voting masters answer, and exits with 5") {
  masters all;
  all.down(1);
  all.down(3);
  all[2].leader = 0;
  all[2].blocked = "no leader is elected";
  CHECK(all.line() == "writes are refused: no leader is elected (1 of 3 voting masters answer), "
                      "master-1 is down, master-3 is down");
  CHECK(all.code() == 5);
}

TEST_CASE("a leader that doesn't answer is named") {
  masters all;
  all.down(1);
  CHECK(all.line() ==
        "writes are refused: master-1 leads and doesn't answer (2 of 3 voting masters "
        "answer), master-1 is down");
}

TEST_CASE("a removed master degrades nothing, up or down") {
  masters all;
  all[1].voters = {1, 2};
  CHECK(all.line() == "healthy");
  all.down(3);
  CHECK(all.line() == "healthy");
}

TEST_CASE("a master that the leader refuses is named once, with the reason") {
  masters all;
  all[1].turned_away.push_back({"master-3", "other options"});
  all.view["turned_away"].push_back(
      {{"name", "master-3"}, {"folder", ""}, {"why", "other options"}});
  CHECK(all.line() == "degraded: master-3 is turned away (other options)");
  SUBCASE("also when it believes that it leads, in an earlier term") {
    all[3].role = atl::spi::replica_role::leader;
    all[3].term = 2;
    CHECK(all.line() == "degraded: master-3 is turned away (other options)");
  }
  SUBCASE("and as down once it doesn't answer") {
    all.down(3);
    CHECK(all.line() == "degraded: master-3 is down");
  }
}

TEST_CASE("a refused storage node is named, also when a master has the same name") {
  masters all;
  all.view["turned_away"].push_back(
      {{"name", "storage-3"}, {"folder", "f"}, {"why", "wrong disk"}});
  CHECK(all.line() == "degraded: storage-3 is turned away (wrong disk)");
  all.view["turned_away"] = {{{"name", "master-3"}, {"folder", "f"}, {"why", "wrong disk"}}};
  CHECK(all.line() == "degraded: master-3 is turned away (wrong disk)");
}

TEST_CASE("a master that waits for admission counts only when it is a member") {
  masters all;
  all[3].waits_for = "its data folder is empty";
  CHECK(all.line() == "degraded: master-3 is waiting (its data folder is empty)");
  all[1].voters = {1, 2};
  CHECK(all.line() == "healthy");
}

TEST_CASE("a master whose file differs from the leader's is named, with key and both values") {
  masters all;
  all[2].settings["placement"] = "weighted 1.0 {}";
  CHECK(all.line() ==
        "degraded: master-2's file differs: placement is weighted 1.0 {}, here random 1.0 {}");
}

TEST_CASE("a master without a leader, or one that has stopped, degrades a cluster") {
  masters all;
  SUBCASE("the master has no leader") {
    all[2].leader = 0;
    CHECK(all.line() == "degraded: master-2 doesn't follow the leading master");
  }
  SUBCASE("the master stopped") {
    all[2].blocked = "this replica has stopped";
    CHECK(all.line() == "degraded: master-2: this replica has stopped");
  }
}
