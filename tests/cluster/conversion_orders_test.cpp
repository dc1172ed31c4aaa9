#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

/// How operators order conversions, repeat the order and call it off, while one is under way.
namespace {

constexpr std::size_t chunk_bytes = 256 << 10;
constexpr std::size_t chunks = 12;
const auto data = random_bytes(chunks * chunk_bytes, 1);

cluster_shape shape_with(int masters) {
  cluster_shape shape;
  shape.masters = masters;
  shape.storages = 4;
  shape.consensus = "raft";
  shape.files = "chunk_size = \"256KiB\"\ninline_limit = 0\ngrace = \"60s\"\n"
                "collection_interval = \"200ms\"";
  return shape;
}

nlohmann::json json_of(test_cluster& cluster, std::vector<std::string> words) {
  words.insert(words.begin(), "--json");
  auto run = cluster.dfs(std::move(words));
  REQUIRE_MESSAGE(run.code == 0, run.err);
  return nlohmann::json::parse(run.out);
}

void must(test_cluster& cluster, const std::vector<std::string>& words) {
  auto run = cluster.dfs(words);
  REQUIRE_MESSAGE(run.code == 0, run.err);
}

void set_rate(test_cluster& cluster, const std::string& rate) {
  must(cluster, {"admin", "set", "convert.rate=" + rate});
}

/// Stores the file in a directory whose policy changes afterwards.
void store(test_cluster& cluster) {
  auto put = cluster.dfs({"put", "--parents", "-", "/data/a"}, data);
  REQUIRE_MESSAGE(put.code == 0, put.err);
}

/// Until so many chunks of the one conversion that there is are converted, and more are left.
void wait_until_amid(test_cluster& cluster, std::size_t converted) {
  eventually("a part is converted", [&] {
    auto list = cluster.dfs({"--json", "convert"});
    if (list.code != 0)
      return false;
    auto all = nlohmann::json::parse(list.out);
    return all.size() == 1 && all[0]["chunks"] >= converted && all[0]["counted"] == true &&
           all[0]["chunks_left"] > 0;
  });
}

void wait_until_converted(test_cluster& cluster) {
  eventually("all is converted", [&] {
    auto list = cluster.dfs({"--json", "convert"});
    return list.code == 0 && nlohmann::json::parse(list.out).empty();
  });
}

/// Until each chunk of the file has so many fragments: a node that is busy gets its fragment later.
void wait_for_fragments(test_cluster& cluster, const std::string& path, std::size_t fragments) {
  eventually("all chunks have their fragments", [&] {
    auto stat = json_of(cluster, {"stat", path});
    return stat["chunks"].size() == chunks && std::ranges::all_of(stat["chunks"], [&](auto& chunk) {
             return chunk["storages"].size() == fragments && chunk["missing"] == 0;
           });
  });
}

/// Chunks of the file that are stored as so many fragments, be they there yet or not.
std::size_t chunks_with(test_cluster& cluster, const std::string& path, std::size_t fragments) {
  std::size_t count = 0;
  auto stat = json_of(cluster, {"stat", path});
  for (auto& chunk : stat["chunks"])
    count += chunk["storages"].size() == fragments ? 1 : 0;
  return count;
}

std::uint64_t used_bytes(test_cluster& cluster) {
  std::uint64_t used = 0;
  auto status = cluster.status();
  for (auto& node : status["storages"])
    used += node["used_bytes"].get<std::uint64_t>();
  return used;
}

/// Lets all go that nothing refers to, until so many bytes are used.
void wait_for_use(test_cluster& cluster, std::uint64_t bytes) {
  eventually("what nothing refers to is collected", [&] {
    return cluster.dfs({"admin", "collect"}).code == 0 && used_bytes(cluster) == bytes;
  });
}

} // namespace

TEST_CASE("a conversion that is ordered again while chunks wait for it goes on to its end") {
  test_cluster cluster{shape_with(1)};
  cluster.up();
  store(cluster);
  set_rate(cluster, "256KiB");
  must(cluster, {"policy", "set", "/data", "copies=2", "--convert"});
  wait_until_amid(cluster, 1);
  must(cluster, {"convert", "/data"});
  must(cluster, {"convert", "/data/a"});
  set_rate(cluster, "0");
  wait_until_converted(cluster);
  wait_for_fragments(cluster, "/data/a", 2);
  CHECK((cluster.dfs({"cat", "/data/a"}).out == data));
}

TEST_CASE("whoever waits for a conversion is told when it was called off before its end") {
  test_cluster cluster{shape_with(1)};
  cluster.up();
  store(cluster);
  must(cluster, {"policy", "set", "/data", "copies=2"});
  set_rate(cluster, "1"); // a byte a second
  outcome waited;
  std::thread waiting{[&] { waited = cluster.dfs({"convert", "/data", "--wait"}); }};
  eventually("it is under way", [&] {
    auto list = cluster.dfs({"--json", "convert"});
    return list.code == 0 && !nlohmann::json::parse(list.out).empty();
  });
  auto stopped = cluster.dfs({"convert", "--stop", "/data"});
  waiting.join();
  CHECK_MESSAGE(stopped.code == 0, stopped.err);
  CHECK(waited.code == 1);
  CHECK_MESSAGE(contains(waited.err, "/data is not converted any more"), waited.err);
  CHECK(chunks_with(cluster, "/data/a", 3) > 0);
}

TEST_CASE("each path is tried, and JSON is written where it is asked for") {
  test_cluster cluster{shape_with(1)};
  cluster.up();
  store(cluster);
  must(cluster, {"policy", "set", "/data", "copies=2"});
  auto some = cluster.dfs({"convert", "/none", "/data/a", "--wait"});
  CHECK(some.code == 3);
  CHECK_MESSAGE(contains(some.err, "/none"), some.err);
  CHECK_MESSAGE(contains(some.out, "/data/a: all files are stored as"), some.out);
  wait_for_fragments(cluster, "/data/a", 2);
  auto waited = json_of(cluster, {"convert", "/data", "--wait"});
  CHECK(waited == nlohmann::json::parse(R"([{"path": "/data", "state": "converted"}])"));
  set_rate(cluster, "1");
  auto set = json_of(cluster, {"policy", "set", "/data", "copies=3", "--convert"});
  CHECK(set["fragments"] == 3); // the policy is the one document
  auto begun = json_of(cluster, {"convert", "/data/a"});
  CHECK(begun[0]["state"] == "begun");
  CHECK(json_of(cluster, {"convert", "--stop", "/data"})[0]["state"] == "stopped");
  auto stopped = cluster.dfs({"convert", "--stop", "/data", "/data/a"});
  CHECK(stopped.code == 1);
  CHECK_MESSAGE(contains(stopped.err, "/data isn't being converted"), stopped.err);
  CHECK(json_of(cluster, {"convert"}).empty());
}

TEST_CASE(
    "of files that share chunks nothing is lost, and nothing stays behind, when the leader of "
    "a conversion is killed between them") {
  test_cluster cluster{shape_with(3)};
  cluster.up();
  store(cluster);
  must(cluster, {"cp", "/data/a", "/data/z"});
  must(cluster, {"mkdir", "/other"});
  must(cluster, {"cp", "/data/a", "/other/a"});
  set_rate(cluster, "512KiB");
  must(cluster, {"policy", "set", "/data", "copies=2", "--convert"});
  wait_until_amid(cluster, 4);
  auto leader = cluster.must_lead();
  cluster.kill(leader, SIGKILL);
  cluster.start(leader);
  eventually("the rate is changed", [&] {
    return cluster.dfs({"admin", "set", "convert.rate=0"}).code == 0;
  });
  wait_until_converted(cluster);
  wait_for_fragments(cluster, "/data/a", 2);
  wait_for_fragments(cluster, "/data/z", 2);
  wait_for_fragments(cluster, "/other/a", 3);
  for (auto* path : {"/data/a", "/data/z", "/other/a"})
    CHECK((cluster.dfs({"cat", path}).out == data));
  eventually("nothing is amiss", [&] { return cluster.dfs({"check"}).code == 0; });
  must(cluster, {"rm", "/other/a", "/data/z"});
  wait_for_use(cluster, 2 * data.size());
  CHECK((cluster.dfs({"cat", "/data/a"}).out == data));
  must(cluster, {"rm", "/data/a"});
  wait_for_use(cluster, 0);
}
