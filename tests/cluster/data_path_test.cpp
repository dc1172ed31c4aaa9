#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <unistd.h>

/// The messages and exit codes of a client when files can't be stored or read.
namespace {

constexpr std::size_t chunk = 64 << 10;

void expect_in(const std::string& text, const std::string& expected) {
  CHECK_MESSAGE(text.find(expected) != std::string::npos, text);
}

} // namespace

TEST_CASE("when all storage nodes are full, put fails at once with exit code 7, and reads "
          "succeed") {
  cluster_shape shape;
  shape.storages = shape.copies = 2;
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/old"}, "old").code == 0);
  for (auto* node : {"storage-1", "storage-2"}) {
    cluster.kill(node, SIGTERM);
    cluster.wait_for_exit(node);
    auto text = read_file(cluster.config_of(node));
    auto at = text.find("1MiB");
    REQUIRE(at != std::string::npos);
    write_file(cluster.config_of(node), text.replace(at, 4, "900TiB"));
  }
  cluster.up(); // the master has heard from both since
  auto put = cluster.dfs({"put", "-", "/new"}, random_bytes(chunk, 1));
  CHECK(put.code == 7);
  expect_in(put.err, "2 have no space left");
  expect_in(put.err, "0 are down");
  CHECK(cluster.dfs({"cat", "/old"}).out == "old");
  CHECK(cluster.dfs({"stat", "/new"}).code == 3);
}

TEST_CASE("when all weights are 0, put names the weights as the reason") {
  cluster_shape shape;
  shape.storages = 2;
  shape.copies = 1;
  shape.placement = "weighted";
  shape.node = {{"storage-1", "weight = 0.0"}, {"storage-2", "weight = 0.0"}};
  test_cluster cluster{shape};
  cluster.up();
  auto put = cluster.dfs({"put", "-", "/f"}, "hello");
  CHECK(put.code == 1);
  expect_in(put.err, "'weighted' chose only 0 of the 2");
  expect_in(put.err, "weight of 2 is 0");
}

TEST_CASE("a read of a chunk that no storage node has any more fails with exit code 6 each time") {
  test_cluster cluster;
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, random_bytes(chunk, 1)).code == 0);
  cluster.wait_until_whole({"/f"});
  auto copies = {"storage-1", "storage-2", "storage-3"};
  SUBCASE("damaged on every node: moved aside by the first read") {
    for (auto* node : copies) {
      std::fstream file{cluster.chunk_files(node).at(0),
                        std::ios::in | std::ios::out | std::ios::binary};
      file.seekp(1000);
      file << "not what was stored";
    }
  }
  SUBCASE("deleted everywhere") {
    for (auto* node : copies)
      std::filesystem::remove(cluster.chunk_files(node).at(0));
  }
  for (int round = 0; round < 3; ++round) {
    auto read = cluster.dfs({"cat", "/f"});
    CHECK_MESSAGE(read.code == 6, read.err);
    CHECK(read.out.empty());
    expect_in(read.err, "/f: bytes 0 to 65536");
  }
  // A node that is down may have the missing fragment: the data is not known to be lost.
  cluster.kill("storage-1", SIGKILL);
  CHECK(cluster.dfs({"cat", "/f"}).code == 5);
}

TEST_CASE("an upload whose source pauses for longer than the grace time keeps its chunks") {
  cluster_shape shape;
  shape.masters = 3;
  shape.consensus = "raft";
  shape.consensus_options = "heartbeat = \"100ms\", election_timeout = \"500ms\"";
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = 0\ngrace = \"4s\"\n"
                "collection_interval = \"100ms\"";
  bool change_leader = false;
  SUBCASE("under one leader") {}
  SUBCASE("also after a change of leader") {
    change_leader = true;
  }
  test_cluster cluster{shape};
  cluster.up();
  auto pipe = cluster.folder() / "source";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  auto put =
      start_program({"/bin/sh", "-c",
                     fmt::format("exec {} --cluster {} put - /slow < {}", program("dfs").string(),
                                 cluster.folder().string(), pipe.string())});
  auto bytes = random_bytes(3 * chunk, 1);
  int source = ::open(pipe.c_str(), O_WRONLY);
  REQUIRE(source >= 0);
  auto give = [&](std::size_t from, std::size_t size) {
    REQUIRE(::write(source, bytes.data() + from, size) == static_cast<ssize_t>(size));
  };
  give(0, 2 * chunk);
  auto fragments = [&] {
    std::size_t count = 0;
    for (auto* node : {"storage-1", "storage-2", "storage-3"})
      count += cluster.chunk_files(node).size();
    return count;
  };
  constexpr std::size_t first_fragments = 2 * 3;
  eventually("its first chunks are stored", [&] { return fragments() == first_fragments; });
  if (change_leader) {
    auto leader = cluster.must_lead();
    cluster.kill(leader, SIGKILL);
    cluster.must_lead();
  }
  // Meanwhile unreferenced chunks without a renewed claim are collected: each round lasts longer
  // than the grace time.
  for (int round = 0; round < 2; ++round) {
    REQUIRE(cluster.dfs({"put", "-", "/other"}, random_bytes(chunk, 2)).code == 0);
    REQUIRE(cluster.dfs({"rm", "/other"}).code == 0);
    auto removed_at = std::chrono::steady_clock::now();
    eventually("the grace time has passed", [&] {
      return std::chrono::steady_clock::now() - removed_at > std::chrono::seconds{5};
    });
  }
  give(2 * chunk, chunk);
  ::close(source);
  CHECK(wait_for(put) == 0);
  CHECK((cluster.dfs({"cat", "/slow"}).out == bytes));
}
