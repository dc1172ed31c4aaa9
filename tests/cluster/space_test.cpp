#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <signal.h>

// `dfs du` and `dfs df`: sizes of files, space of storage nodes.

namespace {

nlohmann::json json_of(test_cluster& cluster, std::vector<std::string> words) {
  words.insert(words.begin(), "--json");
  auto run = cluster.dfs(std::move(words));
  REQUIRE_MESSAGE(run.code == 0, run.err);
  return nlohmann::json::parse(run.out);
}

} // namespace

TEST_CASE("du sums up the files of each directory, wherever their content is") {
  cluster_shape shape;
  shape.storages = shape.copies = 1;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"8KiB\"\ndurability = \"replicated\"";
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "--parents", "-", "/a/inline"}, std::string(1000, 'x')).code == 0);
  REQUIRE(cluster.dfs({"put", "--parents", "-", "/a/b/chunks"}, random_bytes(100'000, 1)).code ==
          0);
  REQUIRE(cluster.dfs({"put", "-", "/top"}, "12345").code == 0);
  CHECK(cluster.dfs({"du", "/a"}).out == "100000\t/a/b\n101000\t/a\n");
  CHECK(cluster.dfs({"du", "-s"}).out == "101005\t/\n");
  CHECK(cluster.dfs({"du", "-s", "/a"}).out == "101000\t/a\n");
  CHECK(cluster.dfs({"du", "/top", "/a/b"}).out == "5\t/top\n100000\t/a/b\n");
  CHECK(cluster.dfs({"du", "-sh", "/a"}).out == "98.6 KiB\t/a\n");
  auto both = json_of(cluster, {"du", "-s", "/a", "/top"});
  CHECK(both == nlohmann::json::parse(
                    R"([{"path": "/a", "bytes": 101000}, {"path": "/top", "bytes": 5}])"));
  auto missing = cluster.dfs({"du", "/nothing", "/top"});
  CHECK(missing.code == 3);
  CHECK(missing.out == "5\t/top\n");
}

TEST_CASE("df shows each node's disk, and room for as much as the policy of / leaves") {
  cluster_shape shape;
  shape.storages = 3;
  shape.copies = 3;
  test_cluster cluster{shape};
  cluster.up();
  // A node leaves its reserve free, which this harness sets to 1 MiB.
  auto capacity = std::filesystem::space(cluster.folder()).capacity - (1u << 20);
  auto space = json_of(cluster, {"df"});
  REQUIRE(space["nodes"].size() == 3);
  std::uint64_t free = 0;
  for (auto& node : space["nodes"]) {
    CHECK(node["is_up"] == true);
    CHECK(node["bytes"] == capacity);
    CHECK(node["free_bytes"].get<std::uint64_t>() > 0);
    CHECK(node["free_bytes"].get<std::uint64_t>() < capacity);
    free += node["free_bytes"].get<std::uint64_t>();
  }
  CHECK(space["bytes"] == 3 * capacity);
  CHECK(space["free_bytes"] == free);
  CHECK(space["free_for_files_bytes"] == free / 300 * 100); // three copies

  REQUIRE(cluster.dfs({"policy", "set", "/", "copies=1"}).code == 0);
  space = json_of(cluster, {"df"});
  CHECK(space["free_for_files_bytes"].get<std::uint64_t>() ==
        space["free_bytes"].get<std::uint64_t>() / 100 * 100);

  cluster.kill("storage-2", SIGKILL);
  cluster.wait_for_health("storage-2", "down");
  auto text = cluster.dfs({"df"});
  CHECK(text.code == 0);
  CHECK_MESSAGE(contains(text.out, "storage-2 (down)"), text.out);
  CHECK_MESSAGE(contains(text.out, "room for about "), text.out);
  space = json_of(cluster, {"df"});
  CHECK(space["bytes"] == 2 * capacity); // of the nodes that are up
}
