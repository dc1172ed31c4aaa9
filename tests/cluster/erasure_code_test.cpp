#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <string>
#include <vector>

/// Files whose chunks are stored by an erasure code, four fragments of data and two of parity.
namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk = std::size_t{1} << 20;

cluster_shape coded_cluster(int storages) {
  cluster_shape shape;
  shape.storages = storages;
  shape.recovery = "reed_solomon";
  shape.files = "chunk_size = \"1MiB\"\ninline_limit = 0\ndead_after = \"8s\"\ngrace = \"2s\"\n"
                "collection_interval = \"200ms\"";
  return shape;
}

/// One of whole stripes, one that ends amid a cell, and a tiny one.
constexpr std::size_t sizes[] = {4 * chunk, 2 * chunk + 300'001, 100};
/// Five chunks and a part, and the tiny one: 4, 3 and 1.
constexpr std::size_t fragments_stored = 8 * 6;

std::string name_of(std::size_t size) {
  return fmt::format("/f{}", size);
}

std::size_t fragments_on(test_cluster& cluster, const std::vector<std::string>& nodes) {
  std::size_t count = 0;
  for (auto& node : nodes)
    count += cluster.chunk_files(node).size();
  return count;
}

void store_files(test_cluster& cluster) {
  for (auto size : sizes) {
    auto put = cluster.dfs({"put", "-", name_of(size)}, random_bytes(size, size));
    REQUIRE_MESSAGE(put.code == 0, put.err);
  }
  // A put succeeds without the fragment of a node that is slow; it is made afterwards.
  eventually("all fragments are there",
             [&] { return fragments_on(cluster, cluster.names()) == fragments_stored; });
}

void check_files(test_cluster& cluster) {
  for (auto size : sizes) {
    auto got = cluster.dfs({"get", name_of(size), "-"});
    CHECK_MESSAGE(got.code == 0, got.err);
    CHECK((got.out == random_bytes(size, size)));
  }
}

bool is_whole(test_cluster& cluster) {
  auto status = cluster.status();
  return status.is_object() && status["copies"].is_object() &&
         status["copies"]["state"] == "counted" && status["copies"]["short"] == 0 &&
         status["repair"]["tasks"] == 0;
}

} // namespace

TEST_CASE("with four fragments of data and two of parity any two nodes may be down, and a third "
          "loses nothing") {
  auto shape = coded_cluster(6);
  shape.files = "chunk_size = \"1MiB\"\ninline_limit = 0\ndead_after = \"10m\"";
  test_cluster cluster{shape};
  cluster.up();
  store_files(cluster);
  for (auto [first, second] : {std::pair{"storage-1", "storage-2"}, {"storage-3", "storage-6"}}) {
    cluster.kill(first, SIGKILL);
    cluster.kill(second, SIGKILL);
    check_files(cluster);
    cluster.start(first);
    cluster.start(second);
    cluster.wait_for_health(first, "up");
    cluster.wait_for_health(second, "up");
  }
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    cluster.kill(node, SIGKILL);
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    cluster.wait_for_health(node, "down");
  auto got = cluster.dfs({"get", name_of(sizes[0]), "-"});
  CHECK(got.code != 0);
  CHECK_MESSAGE(got.err.find(name_of(sizes[0])) != got.err.npos, got.err);
  cluster.start("storage-1");
  cluster.wait_for_health("storage-1", "up");
  check_files(cluster);
  CHECK(fragments_on(cluster, cluster.names()) == fragments_stored); // nothing was removed
}

TEST_CASE(
    "fragments of nodes that are lost for good, and damaged ones, are made anew from others") {
  test_cluster cluster{coded_cluster(8)};
  cluster.up();
  store_files(cluster);
  REQUIRE(cluster.dfs({"scrub", "--now"}).code == 0); // the first pass would find damage by itself
  auto files = cluster.chunk_files("storage-3");
  REQUIRE_FALSE(files.empty());
  std::fstream opened{files[0], std::ios::in | std::ios::out | std::ios::binary};
  auto byte = static_cast<char>(opened.get() ^ 1);
  opened.seekp(0);
  opened.put(byte);
  opened.close();
  CHECK(cluster.dfs({"scrub", "--now"}).code == 1);
  eventually("the damaged fragment is made anew", [&] {
    return is_whole(cluster) && fragments_on(cluster, cluster.names()) == fragments_stored;
  });
  cluster.kill("storage-1", SIGKILL);
  cluster.kill("storage-2", SIGKILL);
  std::vector<std::string> others;
  for (int i = 3; i <= 8; ++i)
    others.push_back(fmt::format("storage-{}", i));
  eventually("all fragments are on other nodes", [&] {
    return is_whole(cluster) && fragments_on(cluster, others) == fragments_stored;
  });
  check_files(cluster);
  eventually("the cluster is in order", [&] { return cluster.dfs({"check"}).code == 0; });
}

TEST_CASE(
    "a directory has a scheme of its own, and files that were stored before are read as ever") {
  auto shape = coded_cluster(6);
  shape.recovery = "replicate";
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"mkdir", "/archive"}).code == 0);
  auto data = random_bytes(3 * chunk, 1);
  REQUIRE(cluster.dfs({"put", "-", "/archive/copied"}, data).code == 0);
  auto set = cluster.dfs({"policy", "set", "/archive", "recovery=reed_solomon", "k=3", "m=2"});
  REQUIRE_MESSAGE(set.code == 0, set.err);
  REQUIRE(cluster.dfs({"put", "-", "/archive/coded"}, data).code == 0);
  for (auto* file : {"/archive/copied", "/archive/coded"})
    CHECK((cluster.dfs({"cat", file}).out == data));
  auto shown = cluster.dfs({"policy", "show", "/archive"});
  CHECK_MESSAGE(shown.out.find("reed_solomon") != shown.out.npos, shown.out);
  auto first_chunk = [&](const std::string& file) {
    auto stat = nlohmann::json::parse(cluster.dfs({"--json", "stat", file}).out);
    return stat["chunks"][0]["storages"].size();
  };
  CHECK(first_chunk("/archive/copied") == 3);
  CHECK(first_chunk("/archive/coded") == 5);
  auto wrong = cluster.dfs({"policy", "set", "/archive", "recovery=reed_solomon", "k=5", "m=2"});
  CHECK(wrong.code != 0); // there are six nodes
  CHECK_MESSAGE(wrong.err.find("7") != wrong.err.npos, wrong.err);
}
