#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>

#include <string>

// `dfs trash`: what is removed where the policy keeps it, and how it comes back.

namespace {

nlohmann::json json_of(test_cluster& cluster, std::vector<std::string> words) {
  words.insert(words.begin(), "--json");
  auto run = cluster.dfs(std::move(words));
  REQUIRE_MESSAGE(run.code == 0, run.err);
  return nlohmann::json::parse(run.out);
}

cluster_shape with_trash(const std::string& kept) {
  cluster_shape shape;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = 0\ngrace = \"4s\"\n"
                "collection_interval = \"100ms\"\ntrash = \"" +
                kept + "\"";
  return shape;
}

/// Fragments that the storage nodes hold.
std::size_t fragments(test_cluster& cluster) {
  std::size_t count = 0;
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    count += cluster.chunk_files(node).size();
  return count;
}

} // namespace

TEST_CASE("removed and replaced files are listed, come back with their content, or are emptied") {
  test_cluster cluster{with_trash("24h")};
  cluster.up();
  auto first = random_bytes(150'000, 1);
  auto second = random_bytes(100'000, 2);
  REQUIRE(cluster.dfs({"put", "--parents", "-", "/a/b/f"}, first).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/a/b/f"}, second).code == 0); // replaces
  REQUIRE(cluster.dfs({"put", "-", "/g"}, first).code == 0);
  REQUIRE(cluster.dfs({"rm", "-r", "/a"}).code == 0);
  REQUIRE(cluster.dfs({"rm", "/g"}).code == 0);
  CHECK(cluster.dfs({"cat", "/g"}).code == 3);
  eventually("the removed directory is counted", [&] {
    auto all = json_of(cluster, {"trash", "list", "/a"});
    return all.size() == 2 && all[1]["is_counted"] == true && all[1]["bytes"] == 100'000;
  });
  auto all = json_of(cluster, {"trash", "list"});
  REQUIRE(all.size() == 3);
  CHECK(all[0]["path"] == "/a/b/f");
  CHECK(all[0]["bytes"] == 150'000);
  CHECK(all[1]["path"] == "/a");
  CHECK(all[1]["type"] == "directory");
  CHECK(all[1]["inodes"] == 3);
  auto shown = cluster.dfs({"trash", "list"});
  CHECK_MESSAGE(contains(shown.out, "3 entries"), shown.out);
  eventually("the status shows them", [&] {
    return contains(cluster.dfs({"status"}).out, "of them in the trash, in 3 entries");
  });
  CHECK(json_of(cluster, {"df"})["trash_entries"] == 3);
  CHECK(json_of(cluster, {"df"})["trash_bytes"] == 400'000);
  CHECK(contains(cluster.dfs({"policy", "show", "/"}).out, "can be restored for 24h"));
  CHECK(json_of(cluster, {"stat", "/"})["trash_ms"] == 24 * 3600 * 1000);

  // By path with its missing parents, by path with another name, by id, and never over a file.
  REQUIRE(cluster.dfs({"trash", "restore", "/a/b/f"}).code == 0);
  CHECK(cluster.dfs({"cat", "/a/b/f"}).out == first);
  auto over = cluster.dfs({"trash", "restore", "/g", "/a/b/f"});
  CHECK(over.code == 4);
  CHECK_MESSAGE(contains(over.err, "exists"), over.err);
  REQUIRE(cluster.dfs({"trash", "restore", "/g", "/h"}).code == 0);
  CHECK(cluster.dfs({"cat", "/h"}).out == first);
  auto id = all[1]["id"].get<std::uint64_t>();
  CHECK(cluster.dfs({"trash", "restore", std::to_string(id)}).code == 4); // /a was made again
  REQUIRE(cluster.dfs({"trash", "restore", std::to_string(id), "/old/a"}).code == 0);
  CHECK(cluster.dfs({"cat", "/old/a/b/f"}).out == second);
  CHECK(cluster.dfs({"trash", "restore", "/g"}).code == 3);
  CHECK(cluster.dfs({"trash", "restore", "g"}).code == 2);
  CHECK(json_of(cluster, {"trash", "list"}).empty());

  // A collection leaves the trash alone, unless it is told to take it.
  REQUIRE(cluster.dfs({"rm", "-r", "/a", "/old", "/h"}).code == 0);
  auto held = fragments(cluster);
  CHECK(held > 0);
  REQUIRE(cluster.dfs({"admin", "collect"}).code == 0);
  CHECK(fragments(cluster) == held);
  CHECK(json_of(cluster, {"trash", "empty", "--older-than", "1h"})["entries"] == 0);
  CHECK(json_of(cluster, {"trash", "empty", "/old"})["entries"] == 1);
  CHECK(json_of(cluster, {"trash", "list"}).size() == 2);
  REQUIRE(cluster.dfs({"admin", "collect", "--trash"}).code == 0);
  CHECK(json_of(cluster, {"trash", "list"}).empty());
  eventually("the space is free", [&] { return fragments(cluster) == 0; });
  CHECK(cluster.dfs({"check", "--names"}).code == 0);
}

TEST_CASE("what has expired is gone for good, with its space, in a cluster where nothing happens") {
  test_cluster cluster{with_trash("2s")};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "--parents", "-", "/d/f"}, random_bytes(100'000, 1)).code == 0);
  REQUIRE(cluster.dfs({"rm", "-r", "/d"}).code == 0);
  eventually("the trash is empty", [&] { return json_of(cluster, {"trash", "list"}).empty(); });
  eventually("the space is free", [&] { return fragments(cluster) == 0; });
  eventually("df shows it", [&] { return json_of(cluster, {"df"})["trash_bytes"] == 0; });
}

TEST_CASE("a directory's policy turns its trash on and off") {
  test_cluster cluster{with_trash("0ms")};
  cluster.up();
  REQUIRE(cluster.dfs({"mkdir", "/kept"}).code == 0);
  auto set = cluster.dfs({"policy", "set", "/kept", "trash=48h"});
  REQUIRE_MESSAGE(set.code == 0, set.err);
  CHECK_MESSAGE(contains(set.out, "can be restored for 48h"), set.out);
  CHECK(contains(cluster.dfs({"stat", "/kept"}).out, "trash    48h"));
  for (auto* path : {"/f", "/kept/f"}) {
    REQUIRE(cluster.dfs({"put", "-", path}, "text").code == 0);
    REQUIRE(cluster.dfs({"rm", path}).code == 0);
  }
  auto all = json_of(cluster, {"trash", "list"});
  REQUIRE(all.size() == 1);
  CHECK(all[0]["path"] == "/kept/f");
  REQUIRE(cluster.dfs({"policy", "set", "/kept", "trash=0"}).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/kept/g"}, "text").code == 0);
  REQUIRE(cluster.dfs({"rm", "/kept/g"}).code == 0);
  CHECK(json_of(cluster, {"trash", "list"}).size() == 1);
  auto wrong = cluster.dfs({"policy", "set", "/kept", "trash=long"});
  CHECK(wrong.code == 2);
  CHECK_MESSAGE(contains(wrong.err, "trash"), wrong.err);
  CHECK(cluster.dfs({"policy", "set", "/kept", "trash=99999h"}).code == 2);
}
