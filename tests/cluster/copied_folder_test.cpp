#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

/// Two processes that are the same node, each on a copy of its data folder.
namespace {

namespace fs = std::filesystem;

constexpr int files = 12;
constexpr std::size_t file_bytes = 60'000;

std::string path_of(int file) {
  return fmt::format("/f{}", file);
}

std::string bytes_of(int file) {
  return random_bytes(file_bytes, static_cast<std::uint64_t>(file) + 1);
}

void put_file(test_cluster& cluster, int file) {
  auto put = cluster.dfs({"put", "-", path_of(file)}, bytes_of(file));
  REQUIRE_MESSAGE(put.code == 0, put.err);
}

void check_files(test_cluster& cluster, int count) {
  for (int i = 0; i < count; ++i) {
    auto got = cluster.dfs({"cat", path_of(i)});
    CHECK_MESSAGE(got.code == 0, got.err);
    CHECK((got.out == bytes_of(i)));
  }
}

/// Writes the configuration of a node `copy`, which runs as the node, on a copy of its folder.
void copy_node(test_cluster& cluster, const std::string& node) {
  fs::copy(cluster.data_of(node), cluster.data_of("copy"), fs::copy_options::recursive);
  auto is_master = node.starts_with("master");
  write_file(cluster.config_of("copy"),
             fmt::format("include = \"cluster.toml\"\n\n[node]\nname = \"{}\"\nroles = [\"{}\"]\n"
                         "data = \"data/copy\"\nreserve = \"1MiB\"\n{} = \"127.0.0.1:{}\"\n",
                         node, is_master ? "master" : "storage", is_master ? "listen" : "bulk",
                         free_port()));
}

} // namespace

TEST_CASE("a second process on a copy of a storage node's data folder is kept out, and nothing is "
          "lost") {
  cluster_shape shape;
  shape.masters = 3;
  shape.consensus = "raft";
  shape.consensus_options = "heartbeat = \"50ms\", election_timeout = \"300ms\"";
  shape.storages = 3;
  test_cluster cluster{shape};
  cluster.up();
  int count = 0;
  while (count < files)
    put_file(cluster, count++);
  copy_node(cluster, "storage-2");
  cluster.start("copy");
  do
    put_file(cluster, count++);
  while (cluster.is_running("copy"));
  CHECK(cluster.wait_for_exit("copy") == 1);
  auto log = cluster.log_of("copy");
  CHECK_MESSAGE(contains(log, "another process runs as storage-2"), log);
  CHECK(cluster.is_running("storage-2"));
  cluster.wait_for_health("storage-2", "up");
  std::vector<std::string> paths;
  for (int i = 0; i < count; ++i)
    paths.push_back(path_of(i));
  cluster.wait_until_whole(paths);
  for (auto* node : {"storage-1", "storage-3"})
    cluster.kill(node, SIGKILL);
  check_files(cluster, count); // from this node alone
}

TEST_CASE("of two masters on copies of one data folder one at most takes part") {
  cluster_shape shape;
  shape.masters = 3;
  shape.consensus = "raft";
  shape.consensus_options = "heartbeat = \"50ms\", election_timeout = \"300ms\"";
  test_cluster cluster{shape};
  cluster.up();
  put_file(cluster, 0);
  std::string victim = cluster.must_lead_all() == "master-3" ? "master-2" : "master-3";
  copy_node(cluster, victim);
  cluster.start("copy");
  eventually("one of the two is refused", [&] {
    return contains(cluster.log_of(victim) + cluster.log_of("copy"), "older copy of its disk");
  });
  for (int i = 1; i < files; ++i)
    put_file(cluster, i);
  check_files(cluster, files);
  cluster.kill("copy", SIGKILL);
}
