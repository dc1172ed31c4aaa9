#include "small_disk.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <signal.h>
#include <string>
#include <string_view>
#include <vector>

/// Masters whose disks fill up, with each protocol.
namespace {

namespace fs = std::filesystem;

constexpr int no_space_code = 7;
constexpr std::uint64_t mebibyte = 1 << 20;
constexpr std::uint64_t reserve = 24 * mebibyte;

cluster_shape group_of_three() {
  cluster_shape shape;
  shape.masters = 3;
  shape.storages = 0;
  shape.copies = 1;
  shape.consensus = ATOLL_TEST_PROTOCOL;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"16KiB\"";
  shape.reserve = fmt::format("{}MiB", reserve / mebibyte);
  return shape;
}

/// Three masters, each on a disk of its own.
struct group_on_small_disks {
  group_on_small_disks() {
    for (auto& name : names)
      disks.push_back(std::make_unique<small_disk>(cluster.data_of(name), 96));
    for (auto& name : names)
      cluster.start(name, {"--found-group"});
    cluster.wait_until_writable();
  }
  ~group_on_small_disks() {
    for (auto& name : names)
      if (cluster.is_running(name))
        cluster.kill(name, SIGKILL);
  }

  small_disk& disk_of(const std::string& name) {
    return *disks.at(static_cast<std::size_t>(std::ranges::find(names, name) - names.begin()));
  }
  void fill(std::uint64_t bytes_left) {
    for (auto& disk : disks)
      disk->fill(bytes_left);
  }
  void restart() {
    for (auto& name : names) {
      if (cluster.is_running(name))
        cluster.kill(name, SIGKILL);
      else
        cluster.wait_for_exit(name);
      cluster.start(name);
    }
  }

  const std::vector<std::string> names{"master-1", "master-2", "master-3"};
  test_cluster cluster{group_of_three()};
  std::vector<std::unique_ptr<small_disk>> disks;
};

/// A folder with more than fits above the reserve.
fs::path make_large_folder(test_cluster& cluster) {
  auto folder = cluster.folder() / "much";
  fs::create_directories(folder);
  for (int i = 0; i < 800; ++i)
    write_file(folder / fmt::format("{:03}", i), random_bytes(16 << 10, i));
  return folder;
}

} // namespace

TEST_CASE("masters whose disks are full refuse commands that need space, and accept all others") {
  if (!small_disk::possible()) {
    MESSAGE("not tried: it wants root, for small disks");
    return;
  }
  group_on_small_disks group;
  auto& cluster = group.cluster;
  REQUIRE(cluster.dfs({"put", "-", "/kept"}, "kept").code == 0);
  eventually("each master keeps space for a start", [&] {
    return std::ranges::all_of(
        group.names, [&](auto& name) { return fs::exists(cluster.data_of(name) / "ballast"); });
  });

  // Puts fill the disk down to the reserve.
  group.fill(reserve + 4 * mebibyte);
  auto refused = cluster.dfs({"put", "-r", make_large_folder(cluster).string(), "/much"});
  CHECK_MESSAGE(refused.code == no_space_code, refused.err);
  CHECK_MESSAGE(refused.err.find("the disk of master-") != std::string::npos, refused.err);
  CHECK_MESSAGE(refused.err.find("reserve") != std::string::npos, refused.err);
  CHECK(cluster.dfs({"mkdir", "/more"}).code == no_space_code);
  CHECK(cluster.dfs({"cat", "/kept"}).out == "kept");
  CHECK(cluster.dfs({"rm", "/much/000"}).code == 0);
  for (auto& disk : group.disks)
    CHECK(disk->free_bytes() >= reserve / 2);

  // Another program fills the disk to the last byte.
  group.fill(0);
  group.restart();
  eventually("masters that start on full disks are read from", [&] {
    return cluster.dfs({"cat", "/kept"}).out == "kept";
  });
  eventually("each master has given up the space that it kept for a start", [&] {
    return std::ranges::all_of(group.names, [&](auto& name) {
      return cluster.log_of(name).find("was given up") != std::string::npos;
    });
  });
  eventually("unneeded files are removed", [&] {
    return cluster.dfs({"rm", "/much/001"}).code == 0;
  });
  CHECK(cluster.dfs({"put", "-", "/more"}, "more").code == no_space_code);

  for (auto& disk : group.disks)
    disk->remove_filler();
  eventually("there is space, and commands that need space are accepted again", [&] {
    return cluster.dfs({"put", "-", "/more"}, "more").code == 0;
  });
  CHECK(cluster.dfs({"cat", "/more"}).out == "more");
  CHECK(cluster.dfs({"cat", "/kept"}).out == "kept");
  CHECK(cluster.dfs({"stat", "/much/000"}).code == 3);
  eventually("each master keeps space for a start again", [&] {
    cluster.dfs({"put", "-", "/more"}, "more"); // the reserve is checked when data is written
    return std::ranges::all_of(
        group.names, [&](auto& name) { return fs::exists(cluster.data_of(name) / "ballast"); });
  });
}

TEST_CASE("a leader whose disk alone is full transfers leadership, and clients get no errors") {
  if (!small_disk::possible()) {
    MESSAGE("not tried: it wants root, for small disks");
    return;
  }
  group_on_small_disks group;
  auto& cluster = group.cluster;
  REQUIRE(cluster.dfs({"put", "-", "/before"}, "before").code == 0);
  auto full = cluster.must_lead_all();
  auto& disk = group.disk_of(full);
  disk.fill(reserve / 2);

  if (std::string_view{ATOLL_TEST_PROTOCOL} == "two_phase_commit") {
    // Two-phase commit needs every disk: no master can take over.
    outcome refused;
    eventually("the full disk is noticed", [&] {
      refused = cluster.dfs({"put", "-", "/after"}, "after");
      return refused.code != 0;
    });
    CHECK_MESSAGE(refused.code == no_space_code, refused.err);
    CHECK_MESSAGE(refused.err.find(full) != std::string::npos, refused.err);
  } else {
    eventually("the master with the full disk has let another one lead", [&] {
      auto taken = cluster.dfs({"put", "-", "/after"}, "after");
      CHECK_MESSAGE(taken.code == 0, taken.err);
      if (cluster.log_of(full).find("lets master") != std::string::npos)
        return true;
      if (cluster.must_lead() != full) // an election came first
        cluster.dfs({"admin", "master", "lead", full});
      return false;
    });
    eventually("another master leads", [&] { return cluster.must_lead() != full; });
    CHECK(cluster.dfs({"cat", "/after"}).out == "after");
  }
  disk.remove_filler();
  eventually("the disk has space again, and a new file is taken", [&] {
    return cluster.dfs({"put", "-", "/space"}, "space").code == 0;
  });
  CHECK(cluster.dfs({"cat", "/before"}).out == "before");
}
