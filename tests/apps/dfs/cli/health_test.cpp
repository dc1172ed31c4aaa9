#include "cli/health.hpp"
#include "cli/master_standing.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

/// The summary that `dfs status` derives from the masters' views.
using namespace dfs::cli;
using nlohmann::json;

namespace {

json master_entry(int id) {
  return {{"id", id},
          {"name", fmt::format("master-{}", id)},
          {"address", fmt::format("127.0.0.1:{}", 7110 + id)},
          {"leader", id == 1}};
}

/// The view of one of three masters; master-1 leads.
json view_of(int id) {
  json view;
  view["cluster"] = "reef";
  view["seen_by"] = {{"name", fmt::format("master-{}", id)},
                     {"id", id},
                     {"role", id == 1 ? "leader" : "follower"},
                     {"term", 3},
                     {"leader", 1},
                     {"committed", 10},
                     {"applied", 10},
                     {"blocked", ""},
                     {"voters", {1, 2, 3}},
                     {"learners", json::array()},
                     {"metrics", json::object()}};
  view["masters"] = {master_entry(1), master_entry(2), master_entry(3)};
  view["storages"] = json::array();
  for (auto* name : {"storage-1", "storage-2"})
    view["storages"].push_back({{"name", name}, {"health", "up"}, {"failed", ""}});
  view["files"] = json::object();
  view["copies"] = {{"state", "counted"}, {"chunks", 5}, {"short", 0}, {"unreadable", 0}};
  view["shortage"] = "";
  view["configuration"] = {{"placement", "random 1.0 {}"}, {"files.grace", "1h"}};
  return view;
}

/// Three masters and their views.
struct masters {
  std::map<std::string, json> views;

  masters() {
    for (int id : {1, 2, 3})
      views[fmt::format("master-{}", id)] = view_of(id);
  }
  json& operator[](int id) { return views[fmt::format("master-{}", id)]; }
  void down(int id) { views.erase(fmt::format("master-{}", id)); }

  json status() const {
    auto* best = best_view(views);
    REQUIRE(best != nullptr);
    auto status = *best;
    add_standing(status, views);
    return status;
  }
  std::string line() const { return health_line(to_json(judge_health(status()))); }
  int code() const { return health_exit_code(to_json(judge_health(status()))); }
  json master(int id) const {
    auto all = status();
    for (auto& it : all["masters"])
      if (it["id"] == id)
        return it;
    return {};
  }
};

} // namespace

TEST_CASE("status shows a cluster without faults as healthy, and exits with 0") {
  masters all;
  CHECK(all.line() == "healthy");
  CHECK(all.code() == 0);
  CHECK(all.master(2)["member"] == "voter");
  CHECK(all.master(2)["health"] == "up");
  CHECK(describe_role(all.master(2)) == "follower, entry 10");
}

TEST_CASE("chunks short of copies and nodes that are down degrade a cluster") {
  masters all;
  all[1]["copies"]["short"] = 3;
  all[1]["storages"][1]["health"] = "down";
  all.down(3);
  CHECK(all.line() == "degraded: 3 chunks short of copies, storage-2 is down, master-3 is down");
  CHECK(all.code() == 8);
}

TEST_CASE("chunks that can't be read are named first") {
  masters all;
  all[1]["copies"]["short"] = 3;
  all[1]["copies"]["unreadable"] = 1;
  CHECK(all.line() == "degraded: 1 chunk can't be read, 3 chunks short of copies");
}

TEST_CASE("a storage node that takes no more data degrades a cluster, with the reason") {
  masters all;
  all[1]["storages"][0]["health"] = "failed";
  all[1]["storages"][0]["failed"] = "its disk is broken";
  CHECK(all.line() == "degraded: storage-1 takes no more data (its disk is broken)");
}

TEST_CASE("a cluster whose chunks haven't been counted yet isn't degraded for that") {
  masters all;
  all[1]["copies"] = {{"state", "counting"}};
  CHECK(all.line() == "healthy");
}

TEST_CASE("writes that a leading master refuses make a cluster unavailable, for whatever reason") {
  masters all;
  SUBCASE("it needs a master that is down") {
    all[1]["seen_by"]["blocked"] = "master-2 can't be reached";
    CHECK(all.line() == "writes are refused: master-2 can't be reached");
  }
  SUBCASE("a plugin threw") {
    all[1]["problem"] = "the balancer threw";
    CHECK(all.line() == "writes are refused: the balancer threw");
  }
  SUBCASE("too few storage nodes are up") {
    all[1]["shortage"] = "only 1 of 2 can take a chunk";
    CHECK(all.line() == "writes are refused: only 1 of 2 can take a chunk");
  }
  CHECK(all.code() == 5);
}

TEST_CASE("without a leader status says how many voting masters answer, and exits with 5") {
  masters all;
  all.down(1);
  all.down(3);
  all[2]["seen_by"]["leader"] = 0;
  all[2]["seen_by"]["blocked"] = "no leader is elected";
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

TEST_CASE("a removed master is not shown as a member, whatever role it reports") {
  masters all;
  all[1]["seen_by"]["voters"] = {1, 2};
  auto removed = all.master(3);
  CHECK(removed["member"] == "no member");
  CHECK(removed["health"] == "up");
  CHECK(describe_role(removed) == "no member");
  CHECK(all.line() == "healthy");
  all.down(3);
  CHECK(all.line() == "healthy");
}

TEST_CASE("a learner is shown as a learner") {
  masters all;
  all[1]["seen_by"]["voters"] = {1, 2};
  all[1]["seen_by"]["learners"] = {3};
  CHECK(all.master(3)["member"] == "learner");
}

TEST_CASE("a master that the leader refuses is shown as refused, with the reason") {
  masters all;
  all[1]["turned_away"].push_back({{"name", "master-3"}, {"folder", ""}, {"why", "other options"}});
  auto turned_away = all.master(3);
  CHECK(turned_away["health"] == "turned away");
  CHECK(turned_away["why"] == "other options");
  CHECK(describe_role(turned_away) == "voter, entry 10");
  CHECK(all.line() == "degraded: master-3 is turned away (other options)");
  SUBCASE("also when it believes that it leads, in an earlier term") {
    all[3]["seen_by"]["role"] = "leader";
    all[3]["seen_by"]["term"] = 2;
    CHECK(all.line() == "degraded: master-3 is turned away (other options)");
  }
  SUBCASE("and as down once it doesn't answer") {
    all.down(3);
    CHECK(all.line() == "degraded: master-3 is down");
  }
}

TEST_CASE("a refused storage node is named, also when a master has the same name") {
  masters all;
  all[1]["turned_away"].push_back({{"name", "storage-3"}, {"folder", "f"}, {"why", "wrong disk"}});
  CHECK(all.line() == "degraded: storage-3 is turned away (wrong disk)");
  all[1]["turned_away"] = {{{"name", "master-3"}, {"folder", "f"}, {"why", "wrong disk"}}};
  CHECK(all.master(3)["health"] == "up");
  CHECK(all.line() == "degraded: master-3 is turned away (wrong disk)");
}

TEST_CASE("a master that waits for admission is shown with the reason, and counts only when it "
          "is a member") {
  masters all;
  all[3]["seen_by"]["role"] = "waiting";
  all[3]["waiting"] = "its data folder is empty";
  CHECK(all.master(3)["health"] == "waiting");
  CHECK(all.line() == "degraded: master-3 is waiting (its data folder is empty)");
  all[1]["seen_by"]["voters"] = {1, 2};
  CHECK(all.master(3)["why"] == "its data folder is empty");
  CHECK(all.line() == "healthy");
}

TEST_CASE("a master whose file differs from the leader's is named, with key and both values") {
  masters all;
  all[2]["configuration"]["placement"] = "weighted 1.0 {}";
  CHECK(all.line() ==
        "degraded: master-2's file differs: placement is weighted 1.0 {}, here random 1.0 {}");
  CHECK(all.master(2)["differs"] ==
        json::array(
            {{{"key", "placement"}, {"there", "weighted 1.0 {}"}, {"here", "random 1.0 {}"}}}));
  CHECK_FALSE(all.master(3).contains("differs"));
}

TEST_CASE("a master without a leader, or one that has stopped, degrades a cluster") {
  masters all;
  SUBCASE("the master has no leader") {
    all[2]["seen_by"]["leader"] = 0;
    CHECK(all.line() == "degraded: master-2 doesn't follow the leading master");
  }
  SUBCASE("the master stopped") {
    all[2]["seen_by"]["blocked"] = "this replica has stopped";
    CHECK(all.line() == "degraded: master-2: this replica has stopped");
  }
}

TEST_CASE("a master under a new id is named once, under the id that is a member") {
  masters all;
  auto renamed = master_entry(4);
  renamed["name"] = "master-2";
  all[1]["masters"].push_back(renamed);
  all[1]["seen_by"]["voters"] = {1, 3, 4};
  CHECK(all.status()["masters"].size() == 3);
  CHECK(all.master(4)["member"] == "voter");
  CHECK(all.line() == "healthy");
}

TEST_CASE("status uses the view of the leader in the latest term, or else that of the longest "
          "log") {
  masters all;
  all[2]["seen_by"]["role"] = "leader";
  all[2]["seen_by"]["term"] = 4;
  CHECK(all.status()["seen_by"]["name"] == "master-2");
  for (int id : {1, 2, 3}) {
    all[id]["seen_by"]["role"] = "follower";
    all[id]["seen_by"]["committed"] = 10 + id;
  }
  CHECK(all.status()["seen_by"]["name"] == "master-3");
  all[3]["seen_by"]["role"] = "waiting";
  CHECK(all.status()["seen_by"]["name"] == "master-2");
  CHECK(best_view({}) == nullptr);
}
