#include "contains.hpp"
#include "large_files.hpp"
#include "storage/fragment.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <signal.h>
#include <span>
#include <string>
#include <unistd.h>
#include <vector>

/// Large files, four fragments of data and two of parity a chunk, with real processes.
namespace {

namespace fs = std::filesystem;

/// 1 GiB if the environment asks for large files.
std::uint64_t file_bytes() {
  return std::getenv("ATOLL_LARGE") != nullptr ? 1024 * mebibyte : 256 * mebibyte;
}

cluster_shape coded_cluster(int storages, const std::string& chunk_size,
                            const std::string& dead_after) {
  cluster_shape shape;
  shape.storages = storages;
  shape.recovery = "reed_solomon";
  shape.files = fmt::format("chunk_size = \"{}\"\ninline_limit = 0\ndead_after = \"{}\"\n"
                            "grace = \"2s\"\ncollection_interval = \"200ms\"",
                            chunk_size, dead_after);
  return shape;
}

/// Runs `dfs` on the cluster. @returns the most memory that it had
std::uint64_t peak_of(test_cluster& cluster, std::vector<std::string> words) {
  std::vector<std::string> all{program("dfs").string(), "--cluster", cluster.folder().string(),
                               "--quiet"};
  all.insert(all.end(), words.begin(), words.end());
  auto ended = wait_with_peak(start_program(all));
  REQUIRE_MESSAGE(ended.code == 0, words.front());
  return ended.peak;
}

struct stored_fragments {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
};

stored_fragments fragments_of(test_cluster& cluster) {
  stored_fragments all;
  for (auto& node : cluster.names())
    for (auto& file : cluster.chunk_files(node)) {
      ++all.count;
      all.bytes += fs::file_size(file);
    }
  return all;
}

/// Changes a byte of a stored fragment, and its checksums with it.
void change_with_checksums(const fs::path& file) {
  auto key = dfs::parse_fragment_key(file.filename().string());
  REQUIRE(key);
  int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  auto info = dfs::read_footer(dfs::real_disk(), fd, *key);
  ::close(fd);
  REQUIRE_MESSAGE(info, info.error().message);
  auto bytes = read_file(file).substr(0, info->size);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  info->block_crcs = dfs::block_crcs(std::as_bytes(std::span{bytes}));
  write_file(file, bytes + dfs::encode_footer(*info));
}

} // namespace

TEST_CASE("a file of large chunks takes little memory, half the space again, and is there with any "
          "two nodes killed") {
  test_cluster cluster{coded_cluster(6, "64MiB", "10m")};
  cluster.up();
  auto original = cluster.folder() / "original", copy = cluster.folder() / "copy";
  auto size = file_bytes();
  write_random_file(original, size);
  check_peak("put", peak_of(cluster, {"put", original.string(), "/file"}));
  auto chunks = (size + 64 * mebibyte - 1) / (64 * mebibyte);
  // A put succeeds without the fragment of a node that is slow; it is made afterwards.
  eventually("all fragments are there", [&] { return fragments_of(cluster).count == 6 * chunks; });
  CHECK(fragments_of(cluster).bytes * 100 <= size * 151);
  check_peak("get", peak_of(cluster, {"get", "/file", copy.string()}));
  CHECK(is_same_content(original, copy));
  for (auto [first, second] : {std::pair{"storage-1", "storage-4"}, {"storage-5", "storage-6"}}) {
    cluster.kill(first, SIGKILL);
    cluster.kill(second, SIGKILL);
    check_peak("get without two nodes", peak_of(cluster, {"get", "/file", copy.string()}));
    CHECK(is_same_content(original, copy));
    cluster.start(first);
    cluster.start(second);
    cluster.wait_for_health(first, "up");
    cluster.wait_for_health(second, "up");
  }
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    cluster.kill(node, SIGKILL);
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    cluster.wait_for_health(node, "down");
  auto got = cluster.dfs({"get", "/file", copy.string()});
  CHECK(got.code == 5); // a node can't be asked that may have it
  CHECK_MESSAGE(contains(got.err, "/file"), got.err);
  CHECK_MESSAGE(contains(got.err, "bytes 0 to "), got.err);
  cluster.start("storage-2");
  cluster.wait_for_health("storage-2", "up");
  REQUIRE(cluster.dfs({"get", "/file", copy.string()}).code == 0);
  CHECK(is_same_content(original, copy));
  CHECK(fragments_of(cluster).count == 6 * chunks); // nothing was removed
}

TEST_CASE("new nodes make anew what was on two nodes that are lost for good") {
  auto shape = coded_cluster(6, "8MiB", "8s");
  test_cluster cluster{shape};
  cluster.up();
  auto original = cluster.folder() / "original", copy = cluster.folder() / "copy";
  write_random_file(original, 40 * mebibyte + 12'345);
  REQUIRE(cluster.dfs({"put", original.string(), "/file"}).code == 0);
  eventually("all fragments are there", [&] { return fragments_of(cluster).count == 6 * 6; });
  cluster.kill("storage-2", SIGKILL);
  cluster.kill("storage-5", SIGKILL);
  shape.storages = 8;
  cluster.write_configuration(shape);
  cluster.start("storage-7");
  cluster.start("storage-8");
  eventually("all is in order again", [&] { return cluster.dfs({"check", "/file"}).code == 0; });
  eventually("the new nodes have what was lost, and nothing else", [&] {
    return cluster.chunk_files("storage-7").size() + cluster.chunk_files("storage-8").size() ==
           2 * 6;
  });
  // What the leading master has counted may be a moment older.
  eventually("the cluster is in order", [&] { return cluster.dfs({"check"}).code == 0; });
  REQUIRE(cluster.dfs({"get", "/file", copy.string()}).code == 0);
  CHECK(is_same_content(original, copy));
}

TEST_CASE("a fragment that is wrong although its checksums are right is found by a deep check, and "
          "made anew") {
  test_cluster cluster{coded_cluster(6, "1MiB", "10m")};
  cluster.up();
  auto data = random_bytes(2 * mebibyte, 1);
  REQUIRE(cluster.dfs({"put", "-", "/file"}, data).code == 0);
  eventually("all fragments are there", [&] { return fragments_of(cluster).count == 6 * 2; });
  change_with_checksums(cluster.chunk_files("storage-3").front());
  CHECK(cluster.dfs({"check", "/file"}).code == 0);
  CHECK((cluster.dfs({"cat", "/file"}).out == data));
  auto deep = cluster.dfs({"check", "--deep", "/file"});
  CHECK(deep.code == 1);
  CHECK_MESSAGE(
      contains(deep.out, "on storage-3 is wrong although its checksums are right, and is moved"),
      (deep.out + deep.err));
  auto repaired = cluster.dfs({"check", "--deep", "--repair", "/file"});
  CHECK_MESSAGE(repaired.code == 0, (repaired.out + repaired.err));
  eventually("all fragments are there", [&] { return fragments_of(cluster).count == 6 * 2; });
  CHECK((cluster.dfs({"cat", "/file"}).out == data));
}

TEST_CASE(
    "a policy whose fragments don't fit into the zones is refused, and one that fits keeps to "
    "them") {
  cluster_shape shape;
  shape.storages = 6;
  std::map<std::string, std::string> zones;
  for (int i = 1; i <= 6; ++i) {
    auto name = fmt::format("storage-{}", i);
    zones[name] = i <= 3 ? "east" : "west";
    shape.node[name] = fmt::format("zone = \"{}\"", zones[name]);
  }
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"mkdir", "/archive"}).code == 0);
  auto set = [&](const char* k, const char* m) {
    return cluster.dfs({"policy", "set", "/archive", "recovery=reed_solomon", k, m});
  };
  auto refused = set("k=4", "m=2");
  CHECK(refused.code != 0);
  CHECK_MESSAGE(contains(refused.err, "at most 4 fragments, or that survive the loss of 3"),
                refused.err);
  CHECK(set("k=2", "m=2").code == 0);
  CHECK(set("k=3", "m=3").code == 0);
  CHECK(set("k=2", "m=2").code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/archive/file"}, random_bytes(20 * 64 << 10, 1)).code == 0);
  auto stat = nlohmann::json::parse(cluster.dfs({"--json", "stat", "/archive/file"}).out);
  for (auto& chunk : stat["chunks"]) {
    std::map<std::string, int> in_zone;
    for (auto& name : chunk["names"])
      if (name.is_string())
        ++in_zone[zones.at(name)];
    CHECK(in_zone["east"] <= 2);
    CHECK(in_zone["west"] <= 2);
  }
}
