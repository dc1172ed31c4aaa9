#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

// `dfs check PATH`: the chunks of some files, of which others may be in disorder.

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t chunk_bytes = 256 << 10; // several blocks with a checksum of their own

cluster_shape sound_shape() {
  cluster_shape shape;
  shape.files = "chunk_size = \"256KiB\"\ninline_limit = 0\ndead_after = \"1h\"";
  return shape;
}

/// Stores a file, and waits for all of its fragments. @returns the files of those on a storage node
std::vector<fs::path> put(test_cluster& cluster, const std::string& path, std::size_t chunks,
                          const std::string& node) {
  auto before = cluster.chunk_files(node);
  auto stored = cluster.dfs({"put", "--parents", "-", path}, random_bytes(chunks * chunk_bytes, 1));
  REQUIRE_MESSAGE(stored.code == 0, stored.err);
  cluster.wait_until_whole({path});
  std::vector<fs::path> added;
  for (auto& file : cluster.chunk_files(node))
    if (std::ranges::find(before, file) == before.end())
      added.push_back(file);
  REQUIRE(added.size() == chunks);
  return added;
}

/// Ends the first pass of each node, which would find damage by itself.
void end_first_scrub(test_cluster& cluster) {
  auto scrubbed = cluster.dfs({"scrub", "--now"});
  REQUIRE_MESSAGE(scrubbed.code == 0, (scrubbed.out + scrubbed.err));
}

/// Damages a fragment behind its first block.
void flip_a_late_bit(const fs::path& file) {
  std::fstream opened{file, std::ios::in | std::ios::out | std::ios::binary};
  opened.seekg(200'000);
  auto byte = static_cast<char>(opened.get() ^ 1);
  opened.seekp(200'000);
  opened.put(byte);
}

} // namespace

TEST_CASE("the chunks of files in a directory are judged, and those of no others") {
  test_cluster cluster{sound_shape()};
  cluster.up();
  put(cluster, "/d/f", 3, "storage-1");
  put(cluster, "/d/e/g", 2, "storage-1");
  auto other = put(cluster, "/other", 1, "storage-1");
  end_first_scrub(cluster);
  fs::remove(other.front());
  auto sound = cluster.dfs({"check", "/d"});
  CHECK_MESSAGE(sound.code == 0, (sound.out + sound.err));
  CHECK(sound.out == "2 files: 5 chunks, all in order\n");
  auto flawed = cluster.dfs({"check", "/d/f", "/other"});
  CHECK(flawed.code == 1);
  CHECK_MESSAGE(contains(flawed.out, "/other: 1 of 1 chunks short of copies"), flawed.out);
  CHECK_MESSAGE(contains(flawed.out, "on storage-1 is gone"), flawed.out);
  // The masters were told, and have it made anew unasked.
  eventually("it is in order again", [&] { return cluster.dfs({"check", "/other"}).code == 0; });
  CHECK(cluster.dfs({"check", "/no such file"}).code == 3);
  CHECK(cluster.dfs({"check", "--deep"}).code == 2);
  CHECK(cluster.dfs({"check", "--names", "--deep"}).code == 2);
}

TEST_CASE("a deep check finds damage that a quick one doesn't read, and waits for its repair") {
  test_cluster cluster{sound_shape()};
  cluster.up();
  auto fragments = put(cluster, "/f", 2, "storage-2");
  end_first_scrub(cluster);
  flip_a_late_bit(fragments[0]);
  CHECK(cluster.dfs({"check", "/f"}).code == 0);
  auto deep = cluster.dfs({"--json", "check", "--deep", "/f"});
  CHECK_MESSAGE(deep.code == 1, (deep.out + deep.err));
  auto found = json::parse(deep.out);
  CHECK(found["files"] == 1);
  CHECK(found["chunks"] == 2);
  CHECK(found["degraded"] == 1);
  REQUIRE(found["flawed"].size() == 1);
  CHECK(found["flawed"][0]["path"] == "/f");
  CHECK(contains(found["flawed"][0]["damaged"][0].get<std::string>(),
                 "on storage-2 was damaged, and is moved aside"));
  flip_a_late_bit(fragments[1]);
  auto repaired = cluster.dfs({"check", "--deep", "--repair", "/f"});
  CHECK_MESSAGE(repaired.code == 0, (repaired.out + repaired.err));
  CHECK(repaired.out == "1 file: 2 chunks, all in order\n");
  auto again = cluster.dfs({"scrub", "/f"});
  CHECK_MESSAGE(again.code == 0, (again.out + again.err));
}

TEST_CASE("chunks with fragments on nodes that are down are short of copies") {
  test_cluster cluster{sound_shape()};
  cluster.up();
  put(cluster, "/f", 2, "storage-3");
  cluster.kill("storage-3", SIGKILL);
  cluster.wait_for_health("storage-3", "down");
  auto one = cluster.dfs({"check", "/f"});
  CHECK(one.code == 1);
  CHECK_MESSAGE(contains(one.out, "2 of 2 chunks short of copies (0 of these"), one.out);
  CHECK_MESSAGE(contains(one.out, "on storage-3: the node is down"), one.out);
  cluster.kill("storage-2", SIGKILL);
  cluster.wait_for_health("storage-2", "down");
  auto two = cluster.dfs({"check", "/f"});
  CHECK(two.code == 1);
  CHECK_MESSAGE(contains(two.out, "(2 of these would be lost"), two.out);
}

TEST_CASE("a check that waits for repairs bears with a node that is silent for a while") {
  auto shape = sound_shape();
  shape.storages = 3; // so that only the silent node can take what is missing there
  test_cluster cluster{shape};
  cluster.up();
  auto fragments = put(cluster, "/f", 1, "storage-3");
  fs::remove(fragments.front());
  REQUIRE(cluster.dfs({"check", "/f"}).code == 1);
  cluster.kill("storage-3", SIGSTOP);
  cluster.wait_for_health("storage-3", "down");
  outcome repaired;
  std::jthread check{[&] { repaired = cluster.dfs({"check", "--repair"}); }};
  // Checks that don't wait for repairs come to their end meanwhile, so the other one could have.
  for (int ended = 0; ended < 3; ++ended)
    CHECK(cluster.dfs({"check"}).code == 1);
  cluster.kill("storage-3", SIGCONT);
  check.join();
  CHECK_MESSAGE(repaired.code == 0, (repaired.out + repaired.err));
  CHECK(fs::exists(fragments.front()));
}
