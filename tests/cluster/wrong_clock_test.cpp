#include "client/file_client.hpp"
#include "storm_clients.hpp"
#include "storm_reader.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

/// Machines whose wall clock is an hour off: a storage node, the leading master, a client.
namespace {

constexpr int hour = 3600;
/// A sanitizer's library must be loaded before any other.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool can_preload = false;
#else
constexpr bool can_preload = true;
#endif

cluster_shape clocked_cluster() {
  cluster_shape shape;
  shape.masters = 3;
  shape.storages = 4;
  shape.consensus = "raft";
  shape.consensus_options = "heartbeat = \"50ms\", election_timeout = \"300ms\"";
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"1KiB\"\ndead_after = \"1m\"\n"
                "grace = \"10s\"\ncollection_interval = \"100ms\"";
  return shape;
}

std::vector<std::string> shifted_by(int seconds) {
  return {fmt::format("LD_PRELOAD={}", SHIFTED_CLOCK),
          fmt::format("ATOLL_CLOCK_SHIFT={}", seconds)};
}

class busy_cluster {
 public:
  busy_cluster(test_cluster& cluster, int client_shift) : cluster_{cluster} {
    for (int i = 0; i < 2; ++i)
      clients_.push_back(
          std::make_unique<library_storm_client>(cluster, i, static_cast<std::uint64_t>(i) + 1));
    clients_.push_back(
        std::make_unique<program_storm_client>(cluster, 100, 3, shifted_by(client_shift)));
    for (auto& client : clients_)
      client->start();
  }

  void some_more_operations(std::uint64_t more) {
    auto count = [&] {
      std::uint64_t all = 0;
      for (auto& client : clients_)
        all += client->count();
      return all;
    };
    auto goal = count() + more;
    eventually("operations are carried out", [&] { return count() >= goal; });
  }

  void restart(const std::string& node, int shift) {
    cluster_.kill(node, SIGTERM);
    CHECK(cluster_.wait_for_exit(node) == 0);
    cluster_.set_environment(node, shifted_by(shift));
    cluster_.start(node);
  }

  /// Other masters that lead are killed until this one does.
  void let_lead(const std::string& master) {
    for (auto leader = cluster_.must_lead_all(); leader != master;
         leader = cluster_.must_lead_all()) {
      cluster_.kill(leader, SIGKILL);
      cluster_.start(leader);
    }
  }

  /// Stops the clients, and compares all that they have stored. @returns the number of its chunks
  std::size_t check() {
    for (auto& client : clients_)
      client->stop();
    storm_reader reader{cluster_};
    for (auto& client : clients_) {
      for (auto& violation : client->violations())
        FAIL_CHECK(violation);
      for (auto& [error, count] : client->errors())
        FAIL_CHECK(fmt::format("{} times: {}", count, error));
      reader.check_files(client->files());
    }
    return reader.chunks();
  }

 private:
  test_cluster& cluster_;
  std::vector<std::unique_ptr<storm_client>> clients_;
};

/// Stores a file whose second half comes after the clients have done much else.
void put_slowly(test_cluster& cluster, busy_cluster& others, const std::string& path,
                const std::string& bytes) {
  auto settings = cluster.settings();
  auto client = dfs::file_client::connect(settings);
  REQUIRE_MESSAGE(client, client.error().message);
  std::size_t taken = 0;
  auto source = [&](std::span<char> into) -> atl::result<std::size_t> {
    auto half = bytes.size() / 2;
    auto count = std::min(into.size(), bytes.size() - taken);
    if (taken < half && taken + count >= half)
      others.some_more_operations(200);
    std::copy_n(bytes.data() + taken, count, into.data());
    taken += count;
    return count;
  };
  auto done = (*client)->put(source, path, {});
  CHECK_MESSAGE(done, done.error().message);
}

void check_wrong_clocks(int shift) {
  test_cluster cluster{clocked_cluster()};
  cluster.up();
  auto bytes = random_bytes(400'000, 1);
  REQUIRE(cluster.dfs({"mkdir", "/kept"}).code == 0);
  REQUIRE(cluster.dfs({"policy", "set", "/kept", "trash=24h"}).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/kept/removed"}, bytes).code == 0);
  REQUIRE(cluster.dfs({"rm", "/kept/removed"}).code == 0);
  busy_cluster load{cluster, shift};
  load.restart("storage-1", shift);
  cluster.wait_for_health("storage-1", "up");
  load.some_more_operations(50);
  load.restart("master-1", shift);
  load.let_lead("master-1");
  load.some_more_operations(50);
  put_slowly(cluster, load, "/slow", bytes);
  auto removed_late = cluster.dfs({"rm", "/slow"});
  CHECK_MESSAGE(removed_late.code == 0, removed_late.err);
  put_slowly(cluster, load, "/slow", bytes);
  auto scrubbed = cluster.dfs({"scrub", "--now"});
  CHECK_MESSAGE(scrubbed.code == 0, (scrubbed.out + scrubbed.err));
  auto restored = cluster.dfs({"trash", "restore", "/kept/removed"});
  CHECK_MESSAGE(restored.code == 0, restored.err);
  load.restart("master-1", 0);
  cluster.must_lead_all();
  load.some_more_operations(50);
  load.check();
  for (std::string path : {"/slow", "/kept/removed"})
    CHECK_MESSAGE((cluster.dfs({"cat", path}).out == bytes), path);
  eventually("all chunks are in order", [&] { return cluster.dfs({"check"}).code == 0; });
  auto names = cluster.dfs({"check", "--names"});
  CHECK_MESSAGE(names.code == 0, (names.out + names.err));
}

} // namespace

TEST_CASE("nothing is lost or removed early while a storage node, the leading master and a client "
          "have clocks that are an hour ahead" *
          doctest::skip(!can_preload)) {
  check_wrong_clocks(hour);
}

TEST_CASE("nothing is lost or refused while a storage node, the leading master and a client have "
          "clocks that are an hour behind" *
          doctest::skip(!can_preload)) {
  check_wrong_clocks(-hour);
}
