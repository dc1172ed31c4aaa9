#include "contains.hpp"
#include "storage/fragment.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

/// check_and_recover on storage nodes of which one has a disk that changes what is written.
namespace {

namespace fs = std::filesystem;

/// A sanitizer's library must be loaded before any other.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool can_preload = false;
#else
constexpr bool can_preload = true;
#endif

constexpr std::size_t chunk = std::size_t{256} << 10;

cluster_shape checked_cluster(int storages) {
  cluster_shape shape;
  shape.storages = storages;
  shape.recovery = "check_and_recover";
  shape.files = "chunk_size = \"256KiB\"\ninline_limit = 0\ndead_after = \"1h\"";
  return shape;
}

void flip_writes_of(test_cluster& cluster, const std::string& node, int count) {
  cluster.set_environment(node, {fmt::format("LD_PRELOAD={}", FLIPPED_WRITES),
                                 fmt::format("ATOLL_FLIP_WRITES={}", count)});
}

/// The file of the same fragment with other data, as a node writes it that was given that data.
std::string forge_fragment(const fs::path& file, const std::string& data) {
  dfs::fragment_info info;
  info.key = dfs::parse_fragment_key(file.filename().string()).value();
  info.size = data.size();
  auto bytes = std::as_bytes(std::span{data});
  for (std::size_t at = 0; at < bytes.size(); at += dfs::block_size)
    info.block_crcs.push_back(
        dfs::block_crc(bytes.subspan(at, std::min(dfs::block_size, bytes.size() - at))));
  return data + dfs::encode_footer(info);
}

/// The data of each fragment on all nodes must be that of the file, which has one chunk.
std::size_t right_copies(test_cluster& cluster, const std::string& content) {
  std::size_t right = 0;
  for (auto& node : cluster.names())
    for (auto& file : cluster.chunk_files(node)) {
      auto stored = read_file(file);
      CHECK_MESSAGE(stored.substr(0, content.size()) == content, file.string());
      right += stored.substr(0, content.size()) == content;
    }
  return right;
}

void wait_for_log(test_cluster& cluster, const std::string& node, const std::string& text) {
  eventually(node + " has logged: " + text, [&] { return contains(cluster.log_of(node), text); });
}

/// A put is acknowledged without the copy of a node that is slow; it is made afterwards.
void wait_for_copies(test_cluster& cluster, const std::string& content, std::size_t count) {
  eventually("all copies are there", [&] {
    std::size_t right = 0;
    for (auto& node : cluster.names())
      for (auto& file : cluster.chunk_files(node))
        right += read_file(file).starts_with(content);
    return right >= count;
  });
}

} // namespace

TEST_CASE("a chunk that a disk changes never counts, and another node gets it" *
          doctest::skip(!can_preload)) {
  test_cluster cluster{checked_cluster(4)};
  flip_writes_of(cluster, "storage-2", 1'000'000);
  cluster.up();
  auto content = random_bytes(chunk, 1);
  for (auto name : {"/a", "/b", "/c"}) {
    auto put = cluster.dfs({"put", "-", name}, content);
    CHECK_MESSAGE(put.code == 0, put.err);
  }
  wait_for_copies(cluster, content, 9);
  eventually("nothing is left on storage-2",
             [&] { return cluster.chunk_files("storage-2").empty(); });
  CHECK(right_copies(cluster, content) >= 9); // further ones of first attempts may wait for removal
  wait_for_log(cluster, "storage-2", "the disk gave back other bytes");
  CHECK(cluster.dfs({"get", "/a", "-"}).out == content);
}

TEST_CASE("a chunk that a disk changes once is written there again" * doctest::skip(!can_preload)) {
  test_cluster cluster{checked_cluster(3)};
  flip_writes_of(cluster, "storage-2", 1);
  cluster.up();
  auto content = random_bytes(chunk, 2);
  auto put = cluster.dfs({"put", "-", "/a"}, content);
  CHECK_MESSAGE(put.code == 0, put.err);
  wait_for_log(cluster, "storage-2", "the disk gave back other bytes");
  wait_for_copies(cluster, content, 3);
  CHECK(right_copies(cluster, content) == 3);
  CHECK(cluster.chunk_files("storage-2").size() == 1);
}

TEST_CASE("without another node nothing is acknowledged, and it is said why" *
          doctest::skip(!can_preload)) {
  auto shape = checked_cluster(3);
  shape.client = "refusal_timeout = \"1s\"";
  test_cluster cluster{shape};
  flip_writes_of(cluster, "storage-2", 1'000'000);
  cluster.up();
  auto put = cluster.dfs({"put", "-", "/a"}, random_bytes(chunk, 3));
  CHECK(put.code != 0);
  CHECK_MESSAGE(contains(put.err, "the disk gave back other bytes"), put.err);
  CHECK(cluster.dfs({"ls", "/a"}).code != 0);
}

TEST_CASE("nodes read all that they store again more often than by themselves") {
  auto shape = checked_cluster(1);
  std::string expected = "within 302400 s, a 4th of scrub.period";
  SUBCASE("four times as often") {}
  SUBCASE("as often as the operator says") {
    shape.recovery_options = "scrub_factor = 14";
    expected = "within 86400 s, a 14th of scrub.period";
  }
  test_cluster cluster{shape};
  cluster.up();
  wait_for_log(cluster, "storage-1", expected);
}

TEST_CASE("'durability' can't be less than the scheme demands") {
  auto shape = checked_cluster(3);
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"mkdir", "/d"}).code == 0);
  auto set = cluster.dfs({"policy", "set", "/d", "durability=replicated"});
  CHECK(set.code != 0);
  CHECK_MESSAGE(contains(set.err, "must be fsync"), set.err);
  auto changed =
      cluster.dfs({"policy", "set", "/d", "recovery=replicate", "durability=replicated"});
  CHECK_MESSAGE(changed.code == 0, changed.err);
  CHECK(contains(cluster.dfs({"policy", "show", "/"}).out, "durability verified"));
}

TEST_CASE("a copy with other content and right checksums of its own is healed from the others") {
  test_cluster cluster{checked_cluster(3)};
  cluster.up();
  auto content = random_bytes(chunk, 4), other = random_bytes(chunk, 5);
  REQUIRE(cluster.dfs({"put", "-", "/a"}, content).code == 0);
  wait_for_copies(cluster, content, 3);
  auto file = cluster.chunk_files("storage-1").front();
  // What a node stores for another chunk of the same name has right checksums of its own.
  auto forged = forge_fragment(file, other);
  write_file(file, forged);
  auto check = cluster.dfs({"check", "--deep", "--repair", "/a"});
  CHECK_MESSAGE(check.code == 0, check.out << check.err);
  eventually("the copy is healed", [&] {
    auto files = cluster.chunk_files("storage-1");
    return files.size() == 1 && read_file(files.front()).starts_with(content);
  });
  wait_for_log(cluster, "storage-1", "other content than its chunk");
  wait_for_copies(cluster, content, 3);
}

TEST_CASE("where no copy has the checksum of the chunk, none is dropped, and that is said") {
  test_cluster cluster{checked_cluster(2 + 1)};
  cluster.up();
  auto content = random_bytes(chunk, 6);
  REQUIRE(cluster.dfs({"put", "-", "/a"}, content).code == 0);
  wait_for_copies(cluster, content, 3);
  std::uint64_t seed = 7;
  for (auto& node : {"storage-1", "storage-2", "storage-3"}) {
    auto file = cluster.chunk_files(node).front();
    write_file(file, forge_fragment(file, random_bytes(chunk, seed)));
    seed = 8; // one copy against two that are equal
  }
  auto check = cluster.dfs({"check", "--deep", "/a"});
  CHECK(check.code != 0);
  CHECK_MESSAGE(contains(check.out, "no copy has it: all are kept"), check.out);
  for (auto& node : {"storage-1", "storage-2", "storage-3"})
    CHECK(cluster.chunk_files(node).size() == 1);
}
