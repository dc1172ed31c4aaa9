#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

/// Files that are stored by another policy while they are read.
namespace {

namespace fs = std::filesystem;

cluster_shape converting_cluster() {
  cluster_shape shape;
  shape.masters = 3;
  shape.storages = 6;
  shape.consensus = "raft";
  shape.files = "chunk_size = \"256KiB\"\ninline_limit = 0\ngrace = \"60s\"\n"
                "collection_interval = \"200ms\"";
  return shape;
}

const std::map<std::string, std::size_t> files{{"/data/a", 3 << 20},
                                               {"/data/b", (1 << 20) + 12'345},
                                               {"/data/sub/c", 700},
                                               {"/data/sub/d", 1 << 20}};

std::string bytes_of(const std::string& path) {
  return random_bytes(files.at(path), files.at(path));
}

void store_files(test_cluster& cluster) {
  for (auto& [path, size] : files) {
    auto put = cluster.dfs({"put", "--parents", "-", path}, bytes_of(path));
    REQUIRE_MESSAGE(put.code == 0, put.err);
  }
}

void check_files(test_cluster& cluster) {
  for (auto& [path, size] : files) {
    auto got = cluster.dfs({"cat", path});
    CHECK_MESSAGE(got.code == 0, got.err);
    CHECK((got.out == bytes_of(path)));
  }
}

/// Reads all files over and over, until it is destroyed; each read must succeed.
class steady_reader {
 public:
  explicit steady_reader(test_cluster& cluster) : cluster_{cluster}, thread_{[this] { run(); }} {}
  ~steady_reader() {
    is_stopping_ = true;
    thread_.join();
    CHECK_MESSAGE(problem_.empty(), problem_);
    CHECK(reads_ > 0);
  }
  steady_reader(const steady_reader&) = delete;
  steady_reader& operator=(const steady_reader&) = delete;

 private:
  void run() {
    while (!is_stopping_ && problem_.empty())
      for (auto& [path, size] : files) {
        auto got = cluster_.dfs({"cat", path});
        if (got.code != 0 || got.out != bytes_of(path))
          problem_ = fmt::format("{}: exit code {}, {} bytes, {}", path, got.code, got.out.size(),
                                 got.err);
        ++reads_;
      }
  }

  test_cluster& cluster_;
  std::atomic<bool> is_stopping_ = false;
  std::string problem_;
  std::size_t reads_ = 0;
  std::thread thread_;
};

nlohmann::json json_of(test_cluster& cluster, std::vector<std::string> words) {
  words.insert(words.begin(), "--json");
  auto run = cluster.dfs(std::move(words));
  REQUIRE_MESSAGE(run.code == 0, run.err);
  return nlohmann::json::parse(run.out);
}

/// Waits until all chunks of all files have so many fragments: a fragment that a slow node did not
/// get in time is made afterwards.
void wait_for_fragments(test_cluster& cluster, std::size_t count) {
  eventually(fmt::format("all chunks have {} fragments", count), [&] {
    for (auto& [path, size] : files) {
      auto stat = json_of(cluster, {"stat", path});
      for (auto& chunk : stat["chunks"])
        if (chunk["storages"].size() != count)
          return false;
    }
    return true;
  });
}

/// On the disks, for a leader may not have heard from all nodes yet.
std::uint64_t used_bytes(test_cluster& cluster) {
  std::uint64_t used = 0;
  std::error_code gone; // a file that is removed meanwhile takes no space
  for (auto& node : cluster.names())
    for (auto& file : cluster.chunk_files(node))
      if (auto bytes = fs::file_size(file, gone); !gone)
        used += bytes;
  return used;
}

/// Waits until what isn't referred to any more is gone.
void wait_for_space(test_cluster& cluster, double times_the_data) {
  std::uint64_t data = 0;
  for (auto& [path, size] : files)
    data += size;
  eventually("the space of what was replaced is free", [&] {
    return static_cast<double>(used_bytes(cluster)) <
           static_cast<double>(data) * times_the_data + 100'000; // a tiny file takes six cells
  });
}

/// Until nothing is to be converted, whoever leads.
void wait_until_converted(test_cluster& cluster) {
  eventually("all is converted", [&] {
    auto list = cluster.dfs({"--json", "convert"});
    return list.code == 0 && nlohmann::json::parse(list.out).empty();
  });
}

} // namespace

TEST_CASE(
    "files are converted from copies to an erasure code and back while they are read, and the "
    "space of what was replaced is free again") {
  test_cluster cluster{converting_cluster()};
  cluster.up();
  store_files(cluster);
  auto before = json_of(cluster, {"stat", "/data/a"});
  {
    steady_reader reader{cluster};
    auto set =
        cluster.dfs({"policy", "set", "/data", "recovery=reed_solomon", "k=4", "m=2", "--convert"});
    REQUIRE_MESSAGE(set.code == 0, set.err);
    CHECK_MESSAGE(contains(set.out, "/data is being converted"), set.out);
    wait_until_converted(cluster);
    wait_for_fragments(cluster, 6);
    wait_for_space(cluster, 1.51);
    REQUIRE(cluster.dfs({"policy", "set", "/data", "recovery=replicate", "copies=2"}).code == 0);
    auto again = cluster.dfs({"convert", "/data", "--wait"});
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK_MESSAGE(contains(again.out, "/data: all files are stored as"), again.out);
    wait_for_fragments(cluster, 2);
    wait_for_space(cluster, 2.01);
  }
  check_files(cluster);
  auto after = json_of(cluster, {"stat", "/data/a"});
  CHECK(after["mtime_ns"] == before["mtime_ns"]);
  CHECK(after["inode"] == before["inode"]);
  eventually("all is in order", [&] { return cluster.dfs({"check"}).code == 0; });
}

TEST_CASE("a file alone is converted, a conversion is called off, and what can't be is refused") {
  auto shape = converting_cluster();
  shape.masters = 1;
  shape.consensus = "two_phase_commit";
  test_cluster cluster{shape};
  cluster.up();
  store_files(cluster);
  REQUIRE(cluster.dfs({"policy", "set", "/data", "copies=2"}).code == 0);
  auto one = cluster.dfs({"convert", "/data/sub/d", "--wait"});
  REQUIRE_MESSAGE(one.code == 0, one.err);
  CHECK(json_of(cluster, {"stat", "/data/sub/d"})["chunks"][0]["storages"].size() == 2);
  CHECK(json_of(cluster, {"stat", "/data/a"})["chunks"][0]["storages"].size() == 3);
  CHECK(cluster.dfs({"convert", "/data/none"}).code == 3);
  CHECK(cluster.dfs({"convert", "--wait"}).code == 2);
  CHECK(contains(cluster.dfs({"convert", "--stop", "/data"}).err, "isn't being converted"));
  CHECK(contains(cluster.dfs({"convert"}).out, "nothing is being converted"));

  REQUIRE(cluster.dfs({"admin", "set", "convert.rate=1"}).code == 0); // a byte a second
  REQUIRE(cluster.dfs({"convert", "/data"}).code == 0);
  nlohmann::json list;
  eventually("it has been counted", [&] {
    list = json_of(cluster, {"convert"});
    return list.size() == 1 && list[0]["counted"] == true;
  });
  CHECK(list[0]["path"] == "/data");
  CHECK(list[0]["chunks_left"].get<int>() > 10);
  CHECK(contains(cluster.dfs({"status"}).out, "1 conversion under way, "));
  REQUIRE(cluster.dfs({"convert", "--stop", "/data"}).code == 0);
  CHECK(json_of(cluster, {"convert"}).empty());
  CHECK(json_of(cluster, {"stat", "/data/a"})["chunks"][5]["storages"].size() == 3);
  check_files(cluster);
}

TEST_CASE("a conversion goes on when the leader, a storage node and the client are killed at any "
          "time, and a reader sees no error") {
  test_cluster cluster{converting_cluster()};
  cluster.up();
  store_files(cluster);
  REQUIRE(cluster.dfs({"admin", "set", "convert.rate=128KiB"}).code == 0);
  auto convert = [&](std::vector<std::string> policy, const std::string& victim) {
    policy.insert(policy.begin(), {"policy", "set", "/data"});
    REQUIRE(cluster.dfs(policy).code == 0);
    auto client = start_program({program("dfs").string(), "--cluster", cluster.folder().string(),
                                 "convert", "--wait", "/data"});
    eventually("some of it is converted", [&] {
      auto list = cluster.dfs({"--json", "convert"});
      return list.code == 0 && !nlohmann::json::parse(list.out).empty() &&
             nlohmann::json::parse(list.out)[0]["chunks"] > 0;
    });
    ::kill(client, SIGKILL);
    wait_for(client);
    auto node = victim.empty() ? cluster.must_lead() : victim;
    cluster.kill(node, SIGKILL);
    cluster.start(node);
    REQUIRE(cluster.dfs({"admin", "set", "convert.rate=0"}).code == 0);
    wait_until_converted(cluster);
  };
  {
    steady_reader reader{cluster};
    convert({"recovery=reed_solomon", "k=4", "m=2"}, "");
    wait_for_fragments(cluster, 6);
    REQUIRE(cluster.dfs({"admin", "set", "convert.rate=128KiB"}).code == 0);
    convert({"recovery=local_reconstruction", "k=2", "groups=2", "globals=1"}, "storage-2");
    wait_for_fragments(cluster, 5);
    REQUIRE(cluster.dfs({"admin", "set", "convert.rate=128KiB"}).code == 0);
    convert({"recovery=replicate", "copies=3"}, "");
    wait_for_fragments(cluster, 3);
  }
  check_files(cluster);
  wait_for_space(cluster, 3.01);
}
