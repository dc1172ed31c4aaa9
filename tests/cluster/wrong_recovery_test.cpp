#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <signal.h>

/// Decoded data is returned only if it has the checksum that the writer computed.
namespace {

struct scheme_under_test {
  scheme_under_test() {
    cluster_shape shape;
    shape.plugin_path = "path = [" ATOLL_PLUGIN_FOLDERS "]";
    shape.recovery = "liar";
    cluster = std::make_unique<test_cluster>(shape);
    cluster->up();
    bytes = random_bytes(64 << 10, 1);
    auto put = cluster->dfs({"put", "-", "/f"}, bytes);
    REQUIRE_MESSAGE(put.code == 0, put.err);
    for (auto* node : {"storage-1", "storage-2", "storage-3"}) {
      auto files = cluster->chunk_files(node);
      REQUIRE(files.size() == 1);
      auto name = files[0].filename().string();
      auto index = static_cast<std::size_t>(name.back() - '0');
      holders.at(index) = node;
    }
  }

  std::unique_ptr<test_cluster> cluster;
  std::string bytes;
  std::vector<std::string> holders{3}; ///< nodes, by index of the fragment
};

} // namespace

TEST_CASE("when a scheme decodes some combinations of fragments wrongly, a read returns the "
          "data of a right combination") {
  scheme_under_test it;
  for (int round = 0; round < 20; ++round) { // the first fragments to read vary
    auto read = it.cluster->dfs({"cat", "/f"});
    CHECK(read.code == 0);
    CHECK((read.out == it.bytes));
  }
  it.cluster->kill(it.holders[1], SIGKILL);
  CHECK((it.cluster->dfs({"cat", "/f"}).out == it.bytes));
  // A job on such a chunk is done where it is decoded.
  auto told = nlohmann::json::parse(it.cluster->dfs({"--json", "job", "count", "/f"}).out);
  CHECK(told["files"][0]["bytes"] == it.bytes.size());
  CHECK(told["files"][0]["lines"] == std::ranges::count(it.bytes, '\n'));
  CHECK(told["files"][0]["pieces_here"] == 1);
  CHECK(told["files"][0]["pieces_at_nodes"] == 0);
}

TEST_CASE("when a scheme decodes all remaining fragments wrongly, a read fails and returns no "
          "byte") {
  scheme_under_test it;
  SUBCASE("a node is down: the error says to try again") {
    it.cluster->kill(it.holders[0], SIGKILL);
    auto read = it.cluster->dfs({"cat", "/f"});
    CHECK(read.code == 5);
    CHECK(read.out.empty());
  }
  SUBCASE("a fragment was deleted: the data is lost") {
    std::filesystem::remove(it.cluster->chunk_files(it.holders[0])[0]);
    for (int round = 0; round < 3; ++round) {
      auto read = it.cluster->dfs({"cat", "/f"});
      CHECK(read.code == 6);
      CHECK(read.out.empty());
      CHECK_MESSAGE(read.err.find("/f: bytes 0 to 65536") != std::string::npos, read.err);
      CHECK_MESSAGE(read.err.find("checksum") != std::string::npos, read.err);
    }
  }
}

TEST_CASE(
    "a changed configuration changes nothing for what is stored, and status says what holds") {
  cluster_shape shape;
  shape.plugin_path = "path = [" ATOLL_PLUGIN_FOLDERS "]";
  test_cluster cluster{shape};
  cluster.up();
  auto bytes = random_bytes(64 << 10, 1);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  for (auto& node : cluster.names())
    cluster.kill(node, SIGKILL);
  shape.recovery = "liar";
  cluster.write_configuration(shape);
  for (auto& node : cluster.names())
    cluster.start(node);
  outcome read;
  eventually("the file is read", [&] {
    read = cluster.dfs({"cat", "/f"});
    return read.code == 0;
  });
  CHECK((read.out == bytes));
  nlohmann::json policy;
  eventually("the master has looked at the policy", [&] {
    policy = cluster.status()["policy"];
    return policy.is_object();
  });
  CHECK(policy["recovery.plugin"] == "replicate");
  auto says = [&](const nlohmann::json& part) {
    return part["key"] == "recovery.plugin" && part["configured"] == "liar";
  };
  CHECK(std::ranges::any_of(policy["differs"], says));
  CHECK(cluster.dfs({"status"}).out.find("the policy of / has recovery.plugin = replicate") !=
        std::string::npos);
}
