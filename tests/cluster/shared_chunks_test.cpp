#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>

#include <cstdint>

// `dfs cp`: copies within the cluster share the chunks.

namespace {

cluster_shape small_cluster() {
  cluster_shape shape;
  shape.storages = 2;
  shape.copies = 2;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"1KiB\"\ndurability = \"replicated\"";
  return shape;
}

std::size_t fragments(const test_cluster& cluster) {
  return cluster.chunk_files("storage-1").size() + cluster.chunk_files("storage-2").size();
}

std::uint64_t used_bytes(test_cluster& cluster) {
  auto status = cluster.status();
  std::uint64_t all = 0;
  for (auto& node : status["storages"])
    all += node["used_bytes"].get<std::uint64_t>();
  return all;
}

std::vector<std::string> chunks_of(test_cluster& cluster, const std::string& path) {
  auto stat = nlohmann::json::parse(cluster.dfs({"--json", "stat", path}).out);
  std::vector<std::string> ids;
  for (auto& chunk : stat["chunks"])
    ids.push_back(chunk["chunk"]);
  return ids;
}

} // namespace

TEST_CASE("a copy has the chunks of its source, which no storage node stores twice") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  auto bytes = random_bytes(200'000, 1); // four chunks
  REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  auto used = 2 * bytes.size();
  eventually("both storage nodes report what they have",
             [&] { return used_bytes(cluster) == used; });
  REQUIRE(fragments(cluster) == 8);
  REQUIRE(cluster.dfs({"cp", "/f", "/copy"}).code == 0);
  CHECK(cluster.dfs({"cat", "/copy"}).out == bytes);
  CHECK(chunks_of(cluster, "/copy") == chunks_of(cluster, "/f"));
  CHECK(fragments(cluster) == 8);
  CHECK(used_bytes(cluster) == used);

  // The chunks belong to both: they stay until the last of the two is gone.
  REQUIRE(cluster.dfs({"rm", "/f"}).code == 0);
  REQUIRE(cluster.dfs({"admin", "collect"}).code == 0);
  CHECK(fragments(cluster) == 8);
  CHECK(cluster.dfs({"cat", "/copy"}).out == bytes);
  REQUIRE(cluster.dfs({"rm", "/copy"}).code == 0);
  REQUIRE(cluster.dfs({"admin", "collect"}).code == 0);
  CHECK(fragments(cluster) == 0);
}

TEST_CASE("a changed source leaves its copy as it was") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  auto before = random_bytes(100'000, 1);
  auto after = random_bytes(100'000, 2);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, before).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/small"}, "inline").code == 0);
  REQUIRE(cluster.dfs({"mkdir", "/d"}).code == 0);
  REQUIRE(cluster.dfs({"cp", "/f", "/small", "/d"}).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, after).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/small"}, "other").code == 0);
  CHECK(cluster.dfs({"cat", "/d/f"}).out == before);
  CHECK(cluster.dfs({"cat", "/d/small"}).out == "inline");
  CHECK(cluster.dfs({"cat", "/f"}).out == after);
}

TEST_CASE("directories are copied with -r, and -n replaces nothing") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "--parents", "-", "/d/e/f"}, "one").code == 0);
  CHECK(cluster.dfs({"cp", "/d", "/copy"}).code == 2);
  REQUIRE(cluster.dfs({"cp", "-r", "/d", "/copy"}).code == 0);
  CHECK(cluster.dfs({"cat", "/copy/e/f"}).out == "one");
  REQUIRE(cluster.dfs({"put", "-", "/other"}, "two").code == 0);
  CHECK(cluster.dfs({"cp", "-n", "/other", "/copy/e/f"}).code == 4);
  CHECK(cluster.dfs({"cat", "/copy/e/f"}).out == "one");
  CHECK(cluster.dfs({"cp", "/other", "/copy/e/f"}).code == 0);
  CHECK(cluster.dfs({"cat", "/copy/e/f"}).out == "two");
  CHECK(cluster.dfs({"cat", "/d/e/f"}).out == "one");
  CHECK(cluster.dfs({"cp", "/nothing", "/x"}).code == 3);
}
