#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <set>
#include <signal.h>
#include <thread>

/// Masters under a majority protocol, as processes that are killed, frozen, wiped and replaced.
namespace {

cluster_shape group_of(int masters, const std::string& options = {}) {
  cluster_shape shape;
  shape.masters = masters;
  shape.storages = 1;
  shape.copies = 1;
  shape.consensus = ATOLL_TEST_PROTOCOL;
  shape.consensus_options = "heartbeat = \"50ms\", election_timeout = \"300ms\"" + options;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"4KiB\"";
  return shape;
}

/// Stores small files in turn, each of which is kept in the name space.
class writer {
 public:
  explicit writer(test_cluster& cluster) : cluster_{cluster}, thread_{[this] { run(); }} {}
  ~writer() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable())
      thread_.join();
  }
  int acknowledged() const { return acknowledged_; }
  void store_more(int files = 3) {
    auto goal = acknowledged() + files;
    eventually("more files are stored", [&] { return acknowledged() >= goal; });
  }
  /// Checks that every acknowledged file exists, and no other file.
  void check() {
    for (int i = 0; i < acknowledged(); ++i) {
      auto read = cluster_.dfs({"cat", fmt::format("/f{}", i)});
      CHECK_MESSAGE(read.out == fmt::format("text {}", i), read.err);
    }
  }

 private:
  void run() {
    for (int i = 0; !stopping_; ++i)
      while (!stopping_)
        if (cluster_.dfs({"put", "-", fmt::format("/f{}", i)}, fmt::format("text {}", i)).code ==
            0) {
          ++acknowledged_;
          break;
        }
  }

  test_cluster& cluster_;
  std::atomic<int> acknowledged_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

} // namespace

TEST_CASE("no acknowledged file is lost when the leader is killed repeatedly under load") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  writer load{cluster};
  for (int round = 0; round < 8; ++round) {
    load.store_more();
    auto leader = cluster.must_lead();
    cluster.kill(leader, SIGKILL);
    load.store_more(); // a majority continues
    cluster.start(leader);
  }
  load.stop();
  load.check();
}

TEST_CASE("a frozen leader is replaced, and follows once it resumes") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  writer load{cluster};
  load.store_more();
  auto frozen = cluster.must_lead();
  cluster.kill(frozen, SIGSTOP);
  load.store_more(5);
  CHECK(cluster.must_lead() != frozen);
  cluster.kill(frozen, SIGCONT);
  load.store_more(5);
  load.stop();
  load.check();
}

TEST_CASE("masters that are all killed at once restart with everything that was acknowledged") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  writer load{cluster};
  load.store_more(10);
  for (auto* node : {"master-1", "master-2", "master-3"})
    cluster.kill(node, SIGKILL);
  load.stop();
  cluster.up();
  load.check();
}

TEST_CASE("any master answers reads, also a follower whose leader is alive") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
  for (int i = 0; i < 12; ++i) // each client begins with a random master
    CHECK(cluster.dfs({"cat", "/f"}).out == "hello");
}

TEST_CASE("a minority of masters answers only reads that may be stale") {
  auto shape = group_of(3);
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"1KiB\"";
  shape.client = "timeout = \"8s\"";
  test_cluster cluster{shape};
  cluster.up();
  auto large = random_bytes(100'000, 1); // stored in chunks on the storage node
  REQUIRE(cluster.dfs({"put", "-", "/small"}, "hello").code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/large"}, large).code == 0);
  // Followers learn of the last commit, and of a storage node's id, a moment later.
  eventually("all masters know the same entries and the storage node", [&] {
    std::set<std::uint64_t> applied;
    for (auto& view : cluster.masters()) {
      if (!view.is_object() || view["storages"].empty() || view["storages"][0]["health"] != "up")
        return false;
      applied.insert(view["seen_by"]["applied"].get<std::uint64_t>());
    }
    return applied.size() == 1;
  });
  cluster.kill("master-1", SIGKILL);
  cluster.kill("master-3", SIGKILL);

  auto listed = cluster.dfs({"ls", "--stale-ok"});
  CHECK_MESSAGE(listed.out.starts_with("large\nsmall\n"), listed.out, listed.err);
  auto refused = cluster.dfs({"ls"});
  CHECK(refused.code == 5);
  CHECK_MESSAGE(refused.err.find("a majority is missing") != std::string::npos, refused.err);
  auto read = cluster.dfs({"cat", "--stale-ok", "/small"});
  CHECK_MESSAGE(read.out == "hello", read.err);
  CHECK_MESSAGE(read.err.find("log index") != std::string::npos, read.err);
  CHECK(cluster.dfs({"cat", "--stale-ok", "/large"}).out == large);
  CHECK(cluster.dfs({"-q", "stat", "--stale-ok", "/small"}).err == "");
  CHECK(cluster.dfs({"put", "-", "/more"}, "more").code == 5);
}

TEST_CASE("a master that was down for long catches up from a snapshot") {
  test_cluster cluster{group_of(3, ", keep_entries = 5")};
  cluster.up();
  auto leader = cluster.must_lead();
  auto away = leader == "master-3" ? "master-2" : "master-3";
  cluster.kill(away, SIGKILL);
  for (int i = 0; i < 60; ++i)
    REQUIRE(cluster.dfs({"put", "-", fmt::format("/f{}", i)}, fmt::format("text {}", i)).code == 0);
  // What is applied is flushed once a second, and only then cut.
  eventually("the log is cut", [&] {
    auto status = cluster.status();
    return status.is_object() && status["seen_by"]["first"].get<int>() > 20;
  });
  cluster.start(away);
  eventually("the master received a snapshot",
             [&] { return cluster.log_of(away).find("gave its snapshot") != std::string::npos; });
  // Now this master is needed for a majority.
  cluster.kill(leader, SIGKILL);
  CHECK(cluster.dfs({"cat", "/f59"}).out == "text 59");
  CHECK(cluster.dfs({"put", "-", "/more"}, "more").code == 0);
}

TEST_CASE("a master whose disk is lost is replaced by another master under a new id") {
  auto shape = group_of(4);
  shape.joining_masters = 1;
  test_cluster cluster{shape};
  for (auto* node : {"master-1", "master-2", "master-3", "storage-1"})
    cluster.start(node);
  cluster.wait_until_writable();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
  cluster.kill("master-2", SIGKILL);
  std::filesystem::remove_all(cluster.data_of("master-2"));
  auto removed = cluster.dfs({"admin", "master", "remove", "master-2"});
  CHECK_MESSAGE(removed.code == 0, removed.err);
  cluster.start("master-4");
  auto added = cluster.dfs({"admin", "master", "add", "master-4"});
  CHECK_MESSAGE(added.code == 0, added.err);
  auto list = cluster.dfs({"admin", "master", "list"}).out;
  CHECK_MESSAGE(list.find("no member") != std::string::npos, list);
  auto again = cluster.dfs({"admin", "master", "add", "master-4"});
  CHECK(again.out.find("already") != std::string::npos);
  // The new master counts: with another old master down there is still a majority.
  cluster.kill("master-1", SIGKILL);
  CHECK(cluster.dfs({"cat", "/f"}).out == "hello");
  auto put = cluster.dfs({"put", "-", "/g"}, "more");
  CHECK_MESSAGE(put.code == 0, put.err);
  SUBCASE("and after a restart of all masters, whatever the founding members were") {
    for (auto* node : {"master-3", "master-4"})
      cluster.kill(node, SIGKILL);
    for (auto* node : {"master-3", "master-4"})
      cluster.start(node);
    cluster.wait_until_writable();
    CHECK(cluster.dfs({"cat", "/g"}).out == "more");
  }
}

TEST_CASE("nodes that already run use a master that was added later") {
  auto shape = group_of(3);
  test_cluster cluster{shape};
  cluster.up();
  shape.masters = 4;
  shape.joining_masters = 1;
  cluster.write_configuration(shape);
  cluster.start("master-4");
  auto added = cluster.dfs({"admin", "master", "add", "master-4"});
  CHECK_MESSAGE(added.code == 0, added.err);
  // Only a master to which the storage node reports can place a chunk on it.
  eventually("the new master places chunks", [&] {
    return cluster.dfs({"admin", "master", "lead", "master-4"}).code == 0 &&
           cluster.dfs({"put", "-", "/chunk"}, random_bytes(100'000, 1)).code == 0 &&
           cluster.must_lead() == "master-4";
  });
}

TEST_CASE("leadership is transferred on request") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  for (std::string name : {"master-1", "master-2", "master-3"}) {
    eventually(name + " leads", [&] { // until another election
      auto led = cluster.dfs({"admin", "master", "lead", name});
      return led.code == 0 && cluster.must_lead() == name;
    });
    CHECK(cluster.dfs({"put", "-", "/f"}, name).code == 0);
  }
}

TEST_CASE("leadership is transferred to a master that is started after the command") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  std::string chosen = cluster.must_lead_all() == "master-1" ? "master-2" : "master-1";
  cluster.kill(chosen, SIGKILL);
  auto lead = start_program({program("dfs").string(), "--cluster", cluster.folder().string(),
                             "admin", "master", "lead", chosen});
  auto began = std::chrono::steady_clock::now();
  eventually("the leader would have abandoned a first request",
             [&] { return std::chrono::steady_clock::now() - began > std::chrono::seconds{2}; });
  cluster.start(chosen);
  CHECK(wait_for(lead) == 0);
  eventually("the chosen master leads", [&] { // it may have lost an election since
    return cluster.must_lead() == chosen ||
           (cluster.dfs({"admin", "master", "lead", chosen}), false);
  });
}

TEST_CASE("a protocol refuses a log that another protocol wrote") {
  auto shape = group_of(1);
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
  cluster.kill("master-1", SIGTERM);
  CHECK(cluster.wait_for_exit("master-1") == 0);
  auto other = shape;
  other.consensus = "two_phase_commit";
  other.consensus_options = "";
  cluster.write_configuration(other);
  cluster.start("master-1");
  CHECK(cluster.wait_for_exit("master-1") != 0);
  auto log = cluster.log_of("master-1");
  CHECK_MESSAGE(log.find("was written by the consensus plugin '" ATOLL_TEST_PROTOCOL "'") !=
                    std::string::npos,
                log);
  cluster.write_configuration(shape);
  cluster.start("master-1");
  cluster.wait_until_writable();
  CHECK(cluster.dfs({"cat", "/f"}).out == "hello");
}
