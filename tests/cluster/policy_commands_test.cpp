#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

// `dfs policy`: how files are stored from now on, beside those that are stored already.

namespace {

nlohmann::json json_of(test_cluster& cluster, std::vector<std::string> words) {
  words.insert(words.begin(), "--json");
  auto run = cluster.dfs(std::move(words));
  REQUIRE_MESSAGE(run.code == 0, run.err);
  return nlohmann::json::parse(run.out);
}

/// On how many nodes each of a file's chunks is; 0 if these numbers differ.
std::size_t copies_of(test_cluster& cluster, const std::string& path) {
  auto stat = json_of(cluster, {"stat", path});
  REQUIRE_FALSE(stat["chunks"].empty());
  auto copies = stat["chunks"][0]["storages"].size();
  for (auto& chunk : stat["chunks"])
    if (chunk["storages"].size() != copies)
      return 0;
  return copies;
}

} // namespace

TEST_CASE("a policy that is changed holds for new files, and old ones stay as they are") {
  test_cluster cluster; // three copies on three nodes
  cluster.up();
  auto old_bytes = random_bytes(150'000, 1);
  auto new_bytes = random_bytes(150'000, 2);
  REQUIRE(cluster.dfs({"put", "-", "/old"}, old_bytes).code == 0);
  CHECK(copies_of(cluster, "/old") == 3);
  auto first = json_of(cluster, {"policy", "show", "/"});
  CHECK(first["fragments"] == 3);
  CHECK(first["survives_losses"] == 2);
  CHECK(first["inherited"] == false);

  auto set = cluster.dfs({"policy", "set", "/", "copies=2"});
  REQUIRE_MESSAGE(set.code == 0, set.err);
  CHECK_MESSAGE(contains(set.out, "survives the loss of 1 of 2 fragments"), set.out);
  auto second = json_of(cluster, {"policy", "show", "/"});
  CHECK(second["fragments"] == 2);
  CHECK(second["id"] != first["id"]);
  REQUIRE(cluster.dfs({"put", "-", "/new"}, new_bytes).code == 0);
  CHECK(copies_of(cluster, "/new") == 2);
  CHECK(copies_of(cluster, "/old") == 3);
  CHECK(cluster.dfs({"cat", "/old"}).out == old_bytes);
  CHECK(cluster.dfs({"cat", "/new"}).out == new_bytes);
  CHECK(json_of(cluster, {"stat", "/new"})["policy"] == second["id"]);

  // The same policy is defined once, and none is lost.
  REQUIRE(cluster.dfs({"policy", "set", "/", "copies=3"}).code == 0);
  CHECK(json_of(cluster, {"policy", "show", "/"})["id"] == first["id"]);
  auto all = json_of(cluster, {"policy", "list"});
  REQUIRE(all.size() == 2);
  CHECK(all[0]["fragments"] == 3);
  CHECK(all[1]["fragments"] == 2);
  eventually("the cluster is healthy", [&] { return cluster.dfs({"status"}).code == 0; });
}

TEST_CASE("directories below have the policy of the one above, unless they have their own") {
  test_cluster cluster;
  cluster.up();
  REQUIRE(cluster.dfs({"mkdir", "-p", "/a/b"}).code == 0);
  REQUIRE(cluster.dfs({"mkdir", "/c"}).code == 0);
  REQUIRE(cluster.dfs({"policy", "set", "/a", "copies=1", "inline_limit=1KiB"}).code == 0);
  auto below = json_of(cluster, {"policy", "show", "/a/b"});
  CHECK(below["inherited"] == true);
  CHECK(below["inline_limit"] == 1024);
  auto bytes = random_bytes(100'000, 1);
  for (auto* path : {"/a/b/f", "/c/f"})
    REQUIRE(cluster.dfs({"put", "-", path}, bytes).code == 0);
  CHECK(copies_of(cluster, "/a/b/f") == 1);
  CHECK(copies_of(cluster, "/c/f") == 3);
  REQUIRE(cluster.dfs({"put", "-", "/a/small"}, "small").code == 0);
  CHECK(json_of(cluster, {"stat", "/a/small"})["inline"] == true);
  CHECK(cluster.dfs({"cat", "/a/small"}).out == "small");

  REQUIRE(cluster.dfs({"policy", "set", "/a", "inherit"}).code == 0);
  CHECK(json_of(cluster, {"policy", "show", "/a/b"})["fragments"] == 3);
  REQUIRE(cluster.dfs({"put", "-", "/a/b/g"}, bytes).code == 0);
  CHECK(copies_of(cluster, "/a/b/g") == 3);
  CHECK(cluster.dfs({"cat", "/a/b/f"}).out == bytes);
}

TEST_CASE("a policy that the cluster can't keep, or that makes no sense, changes nothing") {
  test_cluster cluster;
  cluster.up();
  auto many = cluster.dfs({"policy", "set", "/", "copies=4"});
  CHECK(many.code == 1);
  CHECK_MESSAGE(contains(many.err, "the cluster has 3"), many.err);
  const std::map<std::string, std::string> wrong{
      {"copies", "is no KEY=VALUE"},
      {"copies=none", "copies"},
      {"speed=high", "speed"},
      {"recovery=nothing", "nothing"},
      {"placement=nowhere", "nowhere"},
      {"durability=perhaps", "it can be fsync or replicated"},
      {"chunk_size=32KiB", "chunk_size=32KiB"},
      {"chunk_size=100000", "multiple of 64KiB"},
      {"chunk_size=128MiB", "chunk_size=128MiB"},
      {"inline_limit=1MiB", "inline_limit=1MiB"},
  };
  for (auto& [change, says] : wrong) {
    CAPTURE(change);
    auto set = cluster.dfs({"policy", "set", "/", change});
    CHECK(set.code != 0);
    CHECK_MESSAGE(contains(set.err, says), set.err);
  }
  CHECK(cluster.dfs({"policy", "set", "/nowhere", "copies=1"}).code == 3);
  CHECK(json_of(cluster, {"policy", "show", "/"})["fragments"] == 3);
  CHECK(json_of(cluster, {"policy", "list"}).size() == 1);
}
