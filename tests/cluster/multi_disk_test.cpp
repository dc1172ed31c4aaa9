#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <signal.h>
#include <string>

// Storage nodes with two disks each: one disk is lost, comes back, is exchanged or taken away.

namespace {

namespace fs = std::filesystem;

constexpr std::size_t copies = 3;

cluster_shape two_disks() {
  cluster_shape shape;
  shape.storages = 4;
  shape.disks = 2;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = 0\ndead_after = \"1h\"\ngrace = \"4s\"\n"
                "collection_interval = \"200ms\"";
  return shape;
}

std::size_t files_in(const fs::path& disk) {
  std::size_t count = 0;
  std::error_code ignored;
  for (auto& folder : fs::directory_iterator{disk / "chunks", ignored})
    if (folder.is_directory() && folder.path().filename().string().size() == 2)
      for ([[maybe_unused]] auto& file : fs::directory_iterator{folder, ignored})
        ++count;
  return count;
}

/// A cluster, and files of one chunk each.
struct stored_files {
  test_cluster cluster{two_disks()};
  int count = 0;

  stored_files() { cluster.up(); }

  void put() {
    auto put = cluster.dfs({"put", "-", fmt::format("/f{}", count)},
                           random_bytes(60'000, static_cast<std::uint64_t>(count)));
    REQUIRE_MESSAGE(put.code == 0, put.err);
    ++count;
  }
  /// Stores files until the disk has some.
  void put_until_on(const fs::path& disk) {
    do
      put();
    while (files_in(disk) < 3);
  }
  void must_be_intact() {
    for (int i = 0; i < count; ++i) {
      auto got = cluster.dfs({"get", fmt::format("/f{}", i), "-"});
      CHECK_MESSAGE(got.code == 0, got.err);
      CHECK((got.out == random_bytes(60'000, static_cast<std::uint64_t>(i))));
    }
  }
  /// Has each file as many copies as it should have, in the folders that are in their place?
  bool is_whole() {
    std::size_t fragments = 0;
    for (auto& node : cluster.names())
      fragments += cluster.chunk_files(node).size();
    auto status = cluster.status();
    return fragments == copies * static_cast<std::size_t>(count) && status.is_object() &&
           status["copies"].is_object() && status["copies"]["state"] == "counted" &&
           status["copies"]["short"] == 0 && status["repair"]["tasks"] == 0;
  }
  std::string health_of_disk(const std::string& node, int disk) {
    auto status = cluster.status();
    if (status.is_object())
      for (auto& storage : status["storages"])
        if (storage["name"] == node && storage.contains("disks") &&
            storage["disks"].size() >= static_cast<std::size_t>(disk))
          return storage["disks"][static_cast<std::size_t>(disk - 1)]["health"];
    return "unknown";
  }
  void stop(const std::string& node) {
    cluster.kill(node, SIGTERM);
    CHECK(cluster.wait_for_exit(node) == 0);
  }
  void check() {
    eventually("all is in order", [&] { return cluster.dfs({"check"}).code == 0; });
  }
};

} // namespace

TEST_CASE_FIXTURE(stored_files, "a node goes on when it loses one of its disks, what was on it is "
                                "made anew, and a new disk takes its place") {
  auto lost = cluster.disk_of("storage-2", 2);
  put_until_on(lost);
  put_until_on(cluster.disk_of("storage-2", 1));
  eventually("all copies are counted", [&] { return is_whole(); });
  fs::rename(lost, lost.string() + ".gone");
  eventually("the loss is noticed", [&] { return health_of_disk("storage-2", 2) == "failed"; });
  put(); // the node takes files meanwhile
  auto shown = cluster.dfs({"status"});
  CHECK(shown.code == 8);
  CHECK(contains(shown.out, fmt::format("disk {} of storage-2 isn't used", lost.string())));
  CHECK(contains(shown.out, "put an empty disk in its place"));
  eventually("the other disk is used", [&] { return health_of_disk("storage-2", 1) == "up"; });
  eventually("what was on the disk is made anew", [&] { return is_whole(); });
  CHECK(cluster.is_running("storage-2"));
  must_be_intact();
  outcome checked;
  eventually("all is in order", [&] {
    checked = cluster.dfs({"check"});
    return checked.code == 0;
  });
  CHECK(contains(checked.out, fmt::format("a disk isn't used: storage-2: {}", lost.string())));
  auto metrics = cluster.dfs({"admin", "metrics", "storage-2"});
  CHECK(contains(metrics.out, fmt::format("disk=\"{}\"", lost.string())));

  fs::create_directories(lost); // the new disk
  stop("storage-2");
  cluster.start("storage-2");
  eventually("the new disk is used", [&] { return health_of_disk("storage-2", 2) == "up"; });
  put_until_on(lost);
  eventually("all is in order", [&] { return is_whole() && cluster.dfs({"status"}).code == 0; });
  check();
  must_be_intact();
}

TEST_CASE_FIXTURE(stored_files,
                  "a node starts without a disk that is missing, and takes it up again "
                  "at another path") {
  auto first = cluster.disk_of("storage-3", 1);
  auto second = cluster.disk_of("storage-3", 2);
  put_until_on(first);
  put_until_on(second);
  stop("storage-3");
  fs::rename(first, first.string() + ".away");
  cluster.start("storage-3");
  eventually("it starts without the disk", [&] {
    return health_of_disk("storage-3", 1) == "failed" && health_of_disk("storage-3", 2) == "up";
  });
  eventually("what is missing is made anew", [&] { return is_whole(); });
  must_be_intact();

  stop("storage-3");
  fs::rename(second, first); // mounted in another order
  fs::rename(first.string() + ".away", second);
  cluster.start("storage-3");
  eventually("both disks are used", [&] {
    return health_of_disk("storage-3", 1) == "up" && health_of_disk("storage-3", 2) == "up";
  });
  eventually("surplus copies are gone", [&] { return is_whole(); });
  check();
  must_be_intact();
}

TEST_CASE_FIXTURE(stored_files,
                  "a disk that is taken off the list is missed, unless it is given up") {
  auto left_out = cluster.disk_of("storage-1", 2);
  put_until_on(left_out);
  put_until_on(cluster.disk_of("storage-1", 1));
  stop("storage-1");
  auto config = read_file(cluster.config_of("storage-1"));
  auto text = fmt::format(", \"{}\"]", left_out.string());
  auto at = config.find(text);
  REQUIRE(at != config.npos);
  write_file(cluster.config_of("storage-1"), config.replace(at, text.size(), "]"));
  cluster.start("storage-1");
  CHECK(cluster.wait_for_exit("storage-1") == 1);
  CHECK(contains(cluster.log_of("storage-1"),
                 fmt::format("node.data names {} no more", left_out.string())));
  fs::rename(left_out, left_out.string() + ".gone");
  cluster.start("storage-1", {"--new-disk"});
  cluster.wait_for_health("storage-1", "up");
  eventually("what was on it is made anew", [&] { return is_whole(); });
  must_be_intact();
  stop("storage-1");
  cluster.start("storage-1"); // it is forgotten for good
  cluster.wait_for_health("storage-1", "up");
  check();
}
