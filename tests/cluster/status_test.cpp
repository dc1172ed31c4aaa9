#include "common/master_protocol.hpp"
#include "contains.hpp"
#include "test_cluster.hpp"

#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/system.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <signal.h>

// The output of 'dfs status', 'dfs stat' and 'dfs admin master list' for real nodes.

namespace {

namespace rt = atl::runtime;

cluster_shape group_of(int masters, const std::string& placement = "round_robin") {
  cluster_shape shape;
  shape.masters = masters;
  shape.storages = 1;
  shape.copies = 1;
  shape.consensus = "raft";
  shape.consensus_options = "election_timeout = \"300ms\", heartbeat = \"50ms\"";
  shape.placement = placement;
  return shape;
}

std::string first_line(const outcome& status) {
  return status.out.substr(0, status.out.find('\n'));
}

void wait_for_status(test_cluster& cluster, int code, const std::string& part) {
  outcome last;
  eventually(fmt::format("status says '{}' and exits with {}", part, code), [&] {
    last = cluster.dfs({"status"});
    return last.code == code && contains(last.out, part);
  });
  CHECK_MESSAGE(contains(first_line(last), code == 0   ? "healthy"
                                           : code == 8 ? "degraded: "
                                                       : "writes are refused: "),
                last.out);
}

nlohmann::json master_in(const nlohmann::json& list, const std::string& name) {
  for (auto& master : list)
    if (master["name"] == name)
      return master;
  return {};
}

/// One of the two followers.
std::string a_follower(test_cluster& cluster) {
  return cluster.must_lead_all() == "master-3" ? "master-2" : "master-3";
}

void restart(test_cluster& cluster, const std::string& master, const cluster_shape& other) {
  cluster.kill(master, SIGTERM);
  cluster.wait_for_exit(master);
  cluster.write_configuration(other);
  cluster.start(master);
}

} // namespace

TEST_CASE("a cluster counts chunks short of copies while a storage node is down, and is healthy "
          "before and after") {
  test_cluster cluster;
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, random_bytes(300'000, 1)).code == 0);
  wait_for_status(cluster, 0, "0 of 5 chunks short of copies");
  auto status = cluster.status();
  CHECK(status["health"]["state"] == "healthy");
  CHECK(status["health"]["reasons"].empty());
  auto where = cluster.dfs({"stat", "/f"}).out;
  CHECK_MESSAGE(contains(where, "storage-2"), where);

  cluster.kill("storage-2", SIGKILL);
  wait_for_status(cluster, 8, "5 chunks short of copies, storage-2 is down");
  status = cluster.status();
  CHECK(status["health"]["state"] == "degraded");
  CHECK(status["copies"]["short"] == 5);
  CHECK(status["copies"]["unreadable"] == 0);
  where = cluster.dfs({"stat", "/f"}).out;
  CHECK_MESSAGE(contains(where, "storage-2 (down)"), where);
  auto stat_json = nlohmann::json::parse(cluster.dfs({"--json", "stat", "/f"}).out);
  CHECK(stat_json["chunks"][0]["storages"].size() == 3);
  CHECK(stat_json["chunks"][0]["names"].size() == 3);

  cluster.kill("storage-3", SIGKILL);
  wait_for_status(cluster, 5, "writes are refused: a chunk of 65536 bytes goes to at least 2");
  cluster.kill("storage-1", SIGKILL);
  wait_for_status(cluster, 5, "5 chunks can't be read");
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    cluster.start(node);
  wait_for_status(cluster, 0, "0 of 5 chunks short of copies");
}

TEST_CASE("every node answers at its endpoint, a storage node at the port that it got") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  auto settings = cluster.settings();
  rt::system actors{1, {settings.name, "a test", {}, settings.secret}};
  rt::node_info self;
  self.cluster = settings.name;
  self.name = "a test";
  rt::node_client client{actors, {self}};
  auto storage = cluster.status()["storages"][0]["endpoint"].get<std::string>();
  for (auto& [address, name, role] :
       {std::tuple{storage, "storage-1", "storage"},
        {atl::to_string(settings.masters[0].address), "master-1", "master"}}) {
    CAPTURE(address);
    auto where = atl::parse_endpoint(address);
    REQUIRE_MESSAGE(where.has_value(), where.error().message);
    // Not during an election.
    eventually("the node serves", [&, address = address, name = name, role = role] {
      auto status = client.status(*where);
      if (!status)
        return false;
      CHECK(status->name == name);
      CHECK(status->address == address);
      REQUIRE(status->roles.size() == 1);
      CHECK(status->roles[0].role == role);
      return status->roles[0].health == rt::health::serving;
    });
  }
  auto where = *atl::parse_endpoint(storage);
  auto report_now = static_cast<rt::message_kind>(dfs::protocol::kind::report_now);
  CHECK(client.ask(where, dfs::storage_role_name, report_now, {}).has_value());
  auto refused = client.ask(where, "mater", report_now, {});
  REQUIRE_FALSE(refused.has_value());
  CHECK_MESSAGE(contains(refused.error().message, "doesn't have the role 'mater'; it has: storage"),
                refused.error().message);
}

TEST_CASE("'dfs admin node' shows the roles and plugins of any node") {
  test_cluster cluster{group_of(1)};
  cluster.up();
  for (auto& [name, role] : {std::pair{"master-1", "master"}, {"storage-1", "storage"}}) {
    auto shown = cluster.dfs({"admin", "node", name, "--json"});
    REQUIRE_MESSAGE(shown.code == 0, shown.err);
    auto node = nlohmann::json::parse(shown.out);
    CHECK(node["name"] == name);
    CHECK(node["roles"][0]["role"] == role);
    CHECK(node["roles"][0]["health"] == "serving");
    REQUIRE(node["plugins"].size() == 4);
    CHECK(node["plugins"][0]["kind"] == "consensus");
    CHECK(node["plugins"][0]["sha256"].get<std::string>().size() == 64);
  }
  auto text = cluster.dfs({"admin", "node", "storage-1"});
  CHECK_MESSAGE(contains(text.out, "role       storage: serving"), text.out);
  auto none = cluster.dfs({"admin", "node", "storage-7"});
  CHECK(none.code == 3);
  CHECK_MESSAGE(contains(none.err, "the cluster has no node 'storage-7'"), none.err);
}

TEST_CASE("'dfs admin metrics' writes what nodes measure as Prometheus reads it") {
  test_cluster cluster{group_of(1)};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, random_bytes(300'000, 1)).code == 0);
  auto is_measured = [&](const char* node, std::initializer_list<const char*> lines) {
    eventually("the metrics of " + std::string{node} + " are complete", [&] {
      auto shown = cluster.dfs({"admin", "metrics", node});
      return shown.code == 0 &&
             std::ranges::all_of(lines, [&](auto line) { return contains(shown.out, line); });
    });
  };
  is_measured("storage-1", {"# TYPE dfs_storage_fragments gauge\ndfs_storage_fragments{role="
                            "\"storage\"} 5\n",
                            "\ndfs_storage_used_bytes{role=\"storage\"} 3", "\natoll_node_info{"});
  is_measured("master-1",
              {"\natoll_replica_leading{role=\"master\"} 1\n",
               "\natoll_replica_term{role=\"master\"} ",
               "\ndfs_cluster_storage_nodes{role=\"master\",state=\"up\"} 1\n",
               "\ndfs_cluster_fragments{role=\"master\"} 5\n",
               "\ndfs_cluster_free_bytes{role=", "\natoll_connections_admitted_total "});
  auto shown = cluster.dfs({"admin", "node", "master-1", "--json"});
  REQUIRE_MESSAGE(shown.code == 0, shown.err);
  auto placement = nlohmann::json::parse(shown.out)["dispatchers"].at(0);
  CHECK(placement["name"] == "placement-1");
  CHECK(placement["role"] == "master");
  CHECK(placement["balancer"] == "round_robin");
  CHECK(placement["workers"] == 1);
  CHECK(placement["workers_ejected"] == 0);
  CHECK(placement["plugin_errors"] == 0);
  CHECK(placement["worker_list"][0]["name"] == "storage-1");
  auto list = nlohmann::json::parse(cluster.dfs({"admin", "metrics", "master-1", "--json"}).out);
  CHECK(list[0]["name"] == "atoll_node_info");
}

TEST_CASE("a chunk file that is lost while its node is down is made anew") {
  test_cluster cluster;
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, random_bytes(300'000, 1)).code == 0);
  cluster.kill("storage-1", SIGTERM);
  cluster.wait_for_exit("storage-1");
  auto files = cluster.chunk_files("storage-1");
  REQUIRE(files.size() >= 2);
  std::filesystem::remove(files[0]);
  std::filesystem::remove(files[1]);
  cluster.start("storage-1");
  eventually("the files are back", [&] {
    return std::filesystem::exists(files[0]) && std::filesystem::exists(files[1]);
  });
  wait_for_status(cluster, 0, "0 of 5 chunks short of copies");
}

TEST_CASE("the master's log names a chunk that can't be read once, and once more when it can") {
  cluster_shape shape;
  shape.storages = 1;
  shape.copies = 1;
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, random_bytes(50'000, 1)).code == 0);
  auto chunk = cluster.chunk_files("storage-1").at(0).stem().string();
  auto has_line = [&](const std::string& end) {
    return contains(cluster.log_of("master-1"), fmt::format("chunk {}: {}", chunk, end));
  };
  cluster.kill("storage-1", SIGKILL);
  eventually("the chunk is named", [&] { return has_line("can't be read"); });
  CHECK_FALSE(has_line("can be read again"));
  cluster.start("storage-1");
  eventually("it is named again", [&] { return has_line("can be read again"); });
}

TEST_CASE("the survey of chunks adds nothing to an idle cluster's log") {
  cluster_shape shape;
  shape.files += "\ncollection_interval = \"1h\""; // the only other periodic task of a master
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, random_bytes(300'000, 1)).code == 0);
  wait_for_status(cluster, 0, "0 of 5 chunks short of copies");
  auto entries = cluster.status()["seen_by"]["applied"].get<std::uint64_t>();
  cluster.kill("storage-2", SIGKILL);
  wait_for_status(cluster, 8, "5 chunks short of copies");
  CHECK(cluster.status()["seen_by"]["applied"] == entries);
}

TEST_CASE("a master whose file differs from the others' is named, with the key and both values") {
  auto shape = group_of(3);
  test_cluster cluster{shape};
  cluster.up();
  auto follower = a_follower(cluster);
  restart(cluster, follower, group_of(3, "random"));
  wait_for_status(cluster, 8, follower + "'s file differs: placement is random ");
  eventually("the leader says so in JSON, too", [&] {
    auto master = master_in(cluster.status()["masters"], follower);
    if (!master.is_object() || master["differs"].size() != 1)
      return false;
    CHECK(master["differs"][0]["key"] == "placement");
    CHECK(contains(master["differs"][0]["here"].get<std::string>(), "round_robin"));
    return master["health"] == "up";
  });
  restart(cluster, follower, shape);
  wait_for_status(cluster, 0, "healthy");
}

TEST_CASE("status and list do not show a removed master as a member while it still runs") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  auto follower = a_follower(cluster);
  REQUIRE(cluster.dfs({"admin", "master", "remove", follower}).code == 0);
  wait_for_status(cluster, 0, "no member");
  eventually("the leader says so in JSON, too", [&] {
    auto master = master_in(cluster.status()["masters"], follower);
    return master.is_object() && master["member"] == "no member" && master["health"] == "up";
  });
  auto list = cluster.dfs({"admin", "master", "list"}).out;
  auto line = list.substr(list.find(follower));
  line = line.substr(0, line.find('\n'));
  CHECK_MESSAGE(contains(line, "no member"), list);
  CHECK_MESSAGE(!contains(line, "follower"), list);
}

TEST_CASE("status exits with 8 while a minority of the masters is down, and with 5 without a "
          "quorum or an answer") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  cluster.kill(a_follower(cluster), SIGKILL);
  wait_for_status(cluster, 8, " is down");
  cluster.kill(cluster.must_lead(), SIGKILL);
  wait_for_status(cluster, 5, "(1 of 3 voting masters answer)");
  for (auto& node : cluster.names())
    if (node.starts_with("master") && cluster.is_running(node))
      cluster.kill(node, SIGKILL);
  auto nobody = cluster.dfs({"--json", "status"});
  CHECK(nobody.code == 5);
  CHECK(nlohmann::json::parse(nobody.out)["health"]["state"] == "unavailable");
}

TEST_CASE(
    "with two_phase_commit a master that is down refuses writes: status exits with 5 and names "
    "it") {
  auto shape = group_of(3);
  shape.consensus = "two_phase_commit";
  shape.consensus_options = "";
  test_cluster cluster{shape};
  cluster.up();
  cluster.kill("master-2", SIGKILL);
  wait_for_status(cluster, 5, "master-2 is down");
}
