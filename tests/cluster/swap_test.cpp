#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

TEST_CASE("one changed line swaps the balancer: status shows it, and the placement of chunks "
          "follows it") {
  constexpr std::size_t chunks = 60;
  auto bytes = random_bytes(chunks * (64 << 10), 1);
  std::map<std::string, std::vector<std::size_t>> spread;
  for (std::string balancer : {"random", "round_robin", "weighted"}) {
    cluster_shape shape;
    shape.copies = 1;
    shape.placement = balancer;
    shape.node["storage-1"] = "weight = 4.0";
    test_cluster cluster{shape};
    cluster.up();
    CHECK(cluster.status()["plugins"]["placement"]["name"] == balancer);
    REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
    for (auto* node : {"storage-1", "storage-2", "storage-3"})
      spread[balancer].push_back(cluster.chunk_files(node).size());
    CHECK((cluster.dfs({"cat", "/f"}).out == bytes));
  }
  CHECK(spread["round_robin"] == std::vector<std::size_t>{20, 20, 20});
  CHECK(spread["weighted"] == std::vector<std::size_t>{40, 10, 10});
  auto& random = spread["random"];
  CHECK(random[0] + random[1] + random[2] == chunks);
  CHECK(random[0] < 40); // this balancer ignores weights
}

TEST_CASE("every balancer places chunks and orders replicas in a cluster") {
  auto listed = run_program({program("atoll").string(), "plugin", "list", "--json"});
  std::vector<std::string> balancers;
  auto list = nlohmann::json::parse(listed.out); // named: a loop doesn't keep a temporary alive
  for (auto& plugin : list["plugins"])
    if (plugin["kind"] == "balancer")
      balancers.push_back(plugin["name"]);
  REQUIRE(balancers.size() >= 15);
  auto bytes = random_bytes(40 * (64 << 10), 1);
  for (std::size_t i = 0; i < balancers.size(); ++i) {
    cluster_shape shape;
    shape.copies = 2;
    shape.placement = balancers[i];
    shape.reads = balancers[(i + 1) % balancers.size()];
    CAPTURE(shape.placement);
    CAPTURE(shape.reads);
    test_cluster cluster{shape};
    cluster.up();
    REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
    CHECK((cluster.dfs({"cat", "/f"}).out == bytes));
    cluster.kill("storage-2", SIGKILL);
    CHECK((cluster.dfs({"cat", "/f"}).out == bytes));
    CHECK(cluster.dfs({"put", "-", "/g"}, "after a node ended").code == 0);
  }
}

TEST_CASE("the three copies of a chunk are on three different nodes") {
  test_cluster cluster;
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, random_bytes(640 << 10, 1)).code == 0);
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    CHECK(cluster.chunk_files(node).size() == 10);
}

TEST_CASE("three masters start, agree and give the same responses, three times in a row") {
  cluster_shape shape;
  shape.masters = 3;
  for (int round = 0; round < 3; ++round) {
    test_cluster cluster{shape};
    cluster.up();
    REQUIRE(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
    CHECK(cluster.dfs({"cat", "/f"}).out == "hello");
    auto status = cluster.status(); // a loop over a temporary's member would dangle
    REQUIRE(status["masters"].size() == 3);
    for (auto& master : status["masters"])
      CHECK(master["health"] == "up");
  }
}
