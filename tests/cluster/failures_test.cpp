#include "proxy_network.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

namespace {

cluster_shape three_masters() {
  cluster_shape shape;
  shape.masters = 3;
  shape.consensus_options = "heartbeat = \"100ms\", failure_timeout = \"1s\"";
  return shape;
}

/// Three storage nodes of which one is silent for a while. Only writes for which too few are up are
/// tried for longer than by default.
cluster_shape impatient_cluster() {
  cluster_shape shape;
  shape.is_patient = false;
  shape.client = "refusal_timeout = \"10s\"";
  return shape;
}

/// A client that stores files in turn, and records the acknowledged ones.
class busy_client {
 public:
  busy_client(test_cluster& cluster, int number)
      : cluster_{cluster}, number_{number}, thread_{[this] { run(); }} {}
  ~busy_client() { stop(); }

  void stop() {
    stopping_ = true;
    if (thread_.joinable())
      thread_.join();
  }
  /// Content by path.
  const std::map<std::string, std::string>& acknowledged() const { return acknowledged_; }
  std::size_t count() const { return count_; }

 private:
  void run() {
    for (std::uint64_t i = 0; !stopping_; ++i) {
      auto path = fmt::format("/client-{}-{}", number_, i);
      auto bytes = random_bytes(70'000, i * 100 + static_cast<std::uint64_t>(number_));
      if (cluster_.dfs({"put", "-", path}, bytes).code == 0) {
        acknowledged_[path] = bytes;
        ++count_;
      }
    }
  }

  test_cluster& cluster_;
  int number_;
  std::map<std::string, std::string> acknowledged_;
  std::atomic<std::size_t> count_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

void check_all(test_cluster& cluster, const busy_client& client) {
  for (auto& [path, bytes] : client.acknowledged()) {
    auto read = cluster.dfs({"cat", path});
    CHECK_MESSAGE(read.code == 0, path << ": " << read.err);
    CHECK_MESSAGE((read.out == bytes), path << " came back altered");
  }
}

} // namespace

TEST_CASE("nodes connect to each other in whatever order they are started") {
  for (auto& order : {std::vector<std::string>{"storage-2", "storage-1", "master-3", "storage-3",
                                               "master-1", "master-2"},
                      std::vector<std::string>{"master-2", "master-1", "storage-3", "master-3",
                                               "storage-1", "storage-2"}}) {
    test_cluster cluster{three_masters()};
    for (auto& node : order)
      cluster.start(node);
    cluster.up();
    CHECK(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
    CHECK(cluster.dfs({"cat", "/f"}).out == "hello");
  }
}

TEST_CASE("nodes whose public addresses are proxies connect to each other") {
  proxy_network network;
  auto shape = three_masters();
  shape.network = &network;
  test_cluster cluster{shape};
  cluster.up();
  auto bytes = random_bytes(200'000, 1);
  CHECK(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  CHECK(cluster.dfs({"cat", "/f"}).out == bytes);
  network.isolate("storage-2");
  cluster.wait_for_health("storage-2", "down");
  CHECK(cluster.dfs({"cat", "/f"}).out == bytes);
  network.rejoin("storage-2");
  cluster.wait_for_health("storage-2", "up");
}

TEST_CASE("every acknowledged file can be read, whichever node is killed while files are stored") {
  for (std::string victim : {"storage-1", "master-1", "master-2"}) {
    CAPTURE(victim);
    test_cluster cluster{three_masters()};
    cluster.up();
    busy_client first{cluster, 1};
    busy_client second{cluster, 2};
    auto store_more = [&] {
      auto before = first.count() + second.count();
      eventually("more files are stored",
                 [&] { return first.count() + second.count() >= before + 6; });
    };
    store_more();
    for (int round = 0; round < 2; ++round) {
      cluster.kill(victim, SIGKILL);
      if (victim.starts_with("storage"))
        store_more(); // a write succeeds without one storage node
      cluster.start(victim);
      store_more();
    }
    first.stop();
    second.stop();
    check_all(cluster, first);
    check_all(cluster, second);
  }
}

TEST_CASE("no acknowledged file is lost when all nodes are killed at once") {
  test_cluster cluster{three_masters()};
  cluster.up();
  busy_client client{cluster, 1};
  eventually("some files are stored", [&] { return client.count() >= 10; });
  for (auto& node : cluster.names())
    cluster.kill(node, SIGKILL);
  client.stop();
  cluster.up();
  check_all(cluster, client);
}

TEST_CASE("with two_phase_commit and a master down, writes are refused with the master's name, "
          "and reads succeed") {
  auto shape = three_masters();
  shape.client = "timeout = \"15s\"\nrefusal_timeout = \"5s\"";
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
  for (std::string victim : {"master-3", "master-1"}) {
    cluster.kill(victim, SIGKILL);
    eventually("a write is refused", [&] { return cluster.dfs({"mkdir", "/d"}).code != 0; });
    auto refused = cluster.dfs({"put", "-", "/g"}, "x");
    CHECK(refused.code != 0);
    if (victim == "master-3") // the coordinator names the participant that is down
      eventually("a refusal names the master", [&] {
        refused = cluster.dfs({"put", "-", "/g"}, "x");
        CHECK(refused.code != 0);
        return refused.err.find("3") != std::string::npos;
      });
    CHECK(cluster.dfs({"cat", "/f"}).out == "hello");
    cluster.start(victim);
    cluster.wait_until_writable();
    cluster.dfs({"rm", "/d"});
  }
  CHECK(cluster.dfs({"put", "-", "/g"}, "again").code == 0);
}

namespace {

/// Admits a master that runs on an empty disk under a new id.
void replace(test_cluster& cluster, const std::string& master) {
  eventually(master + " waits to be let in", [&] {
    auto status = cluster.status();
    if (!status.is_object())
      return false;
    for (auto& it : status["masters"])
      if (it["name"] == master)
        return it["health"] == "waiting";
    return false;
  });
  auto replaced = cluster.dfs({"admin", "master", "replace", master});
  REQUIRE_MESSAGE(replaced.code == 0, replaced.err);
}

} // namespace

TEST_CASE("a master whose disk was lost recovers all state from the others") {
  test_cluster cluster{three_masters()};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
  for (std::string victim : {"master-3", "master-1"}) {
    CAPTURE(victim);
    cluster.kill(victim, SIGKILL); // so that it had more incarnations than a new disk counts
    cluster.start(victim);
    cluster.wait_until_writable();
    cluster.kill(victim, SIGKILL);
    std::filesystem::remove_all(cluster.data_of(victim));
    cluster.start(victim);
    replace(cluster, victim);
    cluster.wait_until_writable();
    auto read = cluster.dfs({"cat", "/f"});
    CHECK_MESSAGE(read.out == "hello", read.err);
    CHECK(cluster.dfs({"put", "-", "/" + victim}, "written since").code == 0);
  }
  CHECK(cluster.dfs({"cat", "/master-3"}).out == "written since");
}

TEST_CASE("a master whose disk was lost recovers from a snapshot when the log was cut") {
  auto shape = three_masters();
  shape.consensus_options += ", keep_entries = 5";
  test_cluster cluster{shape};
  cluster.up();
  for (int i = 0; i < 40; ++i)
    REQUIRE(cluster.dfs({"put", "-", fmt::format("/f{}", i)}, fmt::format("text {}", i)).code == 0);
  // What all have applied is flushed once a second, and only then cut.
  eventually("the log is cut", [&] {
    auto status = cluster.status();
    return status.is_object() && status["seen_by"]["first"].get<int>() > 20;
  });
  cluster.kill("master-3", SIGKILL);
  std::filesystem::remove_all(cluster.data_of("master-3"));
  cluster.start("master-3");
  replace(cluster, "master-3");
  cluster.wait_until_writable();
  eventually("it received a snapshot", [&] {
    return cluster.log_of("master-3").find("gave its snapshot") != std::string::npos;
  });
  // The coordinator answers no reads: only the master that took the snapshot is left.
  cluster.kill("master-1", SIGKILL);
  cluster.kill("master-2", SIGKILL);
  for (int i = 0; i < 40; ++i)
    CHECK(cluster.dfs({"cat", fmt::format("/f{}", i)}).out == fmt::format("text {}", i));
}

TEST_CASE("a frozen storage node delays reads and writes by a bounded time") {
  test_cluster cluster{impatient_cluster()};
  cluster.up();
  auto bytes = random_bytes(300'000, 5);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  cluster.kill("storage-1", SIGSTOP);
  for (int round = 0; round < 3; ++round)
    CHECK((cluster.dfs({"cat", "/f"}).out == bytes));
  auto put = cluster.dfs({"put", "-", "/g"}, bytes);
  CHECK_MESSAGE(put.code == 0, put.err);
  CHECK((cluster.dfs({"cat", "/g"}).out == bytes));
  cluster.kill("storage-1", SIGCONT);
  cluster.wait_for_health("storage-1", "up");
}

TEST_CASE("a file can be stored before the freeze of a storage node is detected") {
  test_cluster cluster{impatient_cluster()};
  cluster.up();
  auto bytes = random_bytes(100'000, 5);
  for (std::string frozen : {"storage-1", "storage-2", "storage-3"}) {
    cluster.kill(frozen, SIGSTOP);
    auto put = cluster.dfs({"put", "-", "/" + frozen}, bytes);
    CHECK_MESSAGE(put.code == 0, put.err);
    CHECK((cluster.dfs({"cat", "/" + frozen}).out == bytes));
    cluster.kill(frozen, SIGCONT);
    cluster.wait_for_health(frozen, "up");
    cluster.wait_until_whole({"/" + frozen}); // all three nodes work
  }
}

TEST_CASE("a storage node that failed and returned is used again when too few others are up") {
  cluster_shape shape;
  shape.storages = shape.copies = 1;
  shape.is_patient = false;
  shape.client = "transfer_timeout = \"300ms\"\nrefusal_timeout = \"30s\"";
  test_cluster cluster{shape};
  cluster.up();
  auto file = cluster.folder() / "file";
  write_file(file, random_bytes(100'000, 6));
  cluster.kill("storage-1", SIGSTOP);
  auto put = start_program({program("dfs").string(), "--cluster", cluster.folder().string(), "put",
                            file.string(), "/f"});
  cluster.wait_for_health("storage-1", "down"); // which takes longer than the client waits
  cluster.kill("storage-1", SIGCONT);
  CHECK(wait_for(put) == 0);
  CHECK((cluster.dfs({"cat", "/f"}).out == read_file(file)));
}

TEST_CASE("a damaged copy is never returned, and is moved aside") {
  test_cluster cluster;
  cluster.up();
  auto bytes = random_bytes(64 << 10, 5);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  cluster.wait_until_whole({"/f"});
  for (auto* node : {"storage-1", "storage-2"}) {
    auto files = cluster.chunk_files(node);
    REQUIRE(files.size() == 1);
    std::fstream file{files[0], std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(1000);
    file.put(static_cast<char>(bytes[1000] ^ 1));
  }
  eventually("both were read and found damaged", [&] {
    CHECK((cluster.dfs({"cat", "/f"}).out == bytes));
    auto damaged = 0;
    auto status = cluster.status();
    for (auto& node : status["storages"])
      damaged += node["damaged"].get<int>();
    return damaged == 2;
  });
  SUBCASE("when every copy is damaged, get names the file and the bytes, and writes no data") {
    // The two copies are made anew from the third one; then all three are damaged at once.
    const std::vector<std::string> nodes{"storage-1", "storage-2", "storage-3"};
    eventually("each node has an intact copy again", [&] {
      return std::ranges::all_of(nodes, [&](auto& node) {
        auto files = cluster.chunk_files(node);
        return files.size() == 1 && read_file(files[0]).substr(0, bytes.size()) == bytes;
      });
    });
    for (auto& node : nodes)
      std::filesystem::resize_file(cluster.chunk_files(node).at(0), 100);
    auto read = cluster.dfs({"cat", "/f"});
    CHECK(read.code != 0);
    CHECK(read.out.empty());
    CHECK_MESSAGE(read.err.find("/f: bytes 0 to 65536") != std::string::npos, read.err);
  }
}

TEST_CASE("a stopped node exits cleanly and has all of its data after a restart") {
  test_cluster cluster{three_masters()};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
  for (auto& node : cluster.names()) {
    cluster.kill(node, SIGTERM);
    CHECK(cluster.wait_for_exit(node) == 0);
    CHECK(cluster.log_of(node).find("msg=\"stopped\"") != std::string::npos);
  }
  cluster.up();
  CHECK(cluster.dfs({"cat", "/f"}).out == "hello");
}

TEST_CASE("a write with too few storage nodes fails with their number") {
  cluster_shape shape;
  shape.client = "timeout = \"10s\"";
  test_cluster cluster{shape};
  cluster.up();
  for (auto* node : {"storage-1", "storage-2"}) {
    cluster.kill(node, SIGKILL);
    cluster.wait_for_health(node, "down");
  }
  auto put = cluster.dfs({"put", "-", "/f"}, "hello");
  CHECK(put.code != 0);
  CHECK_MESSAGE(put.err.find("only 1 of 3") != std::string::npos, put.err);
  CHECK(cluster.dfs({"stat", "/f"}).code == 3);
}
