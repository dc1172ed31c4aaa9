#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <signal.h>
#include <string>
#include <vector>

// A backup of the name space, and masters that lost all their disks and begin from it.

namespace {

namespace fs = std::filesystem;

cluster_shape group_of(int masters, const std::string& consensus) {
  cluster_shape shape;
  shape.masters = masters;
  shape.consensus = consensus;
  if (consensus != "two_phase_commit")
    shape.consensus_options = "election_timeout = \"300ms\", heartbeat = \"50ms\"";
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"1KiB\"\ngrace = \"4s\"\n"
                "collection_interval = \"100ms\"\ntrash = \"24h\"";
  return shape;
}

std::vector<std::string> masters_of(int count) {
  std::vector<std::string> names;
  for (int i = 1; i <= count; ++i)
    names.push_back(fmt::format("master-{}", i));
  return names;
}

/// All masters lose their disks. The storage nodes go on.
void wipe(test_cluster& cluster, const std::vector<std::string>& masters) {
  for (const auto& master : masters)
    cluster.kill(master, SIGKILL);
  for (const auto& master : masters)
    fs::remove_all(cluster.data_of(master));
}

std::size_t fragments(test_cluster& cluster) {
  std::size_t count = 0;
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    count += cluster.chunk_files(node).size();
  return count;
}

std::string waits_for(test_cluster& cluster, std::size_t master) {
  auto view = cluster.masters()[master];
  return view.is_object() ? view.value("waiting", "") : "";
}

void test_restore(int count, const std::string& consensus) {
  test_cluster cluster{group_of(count, consensus)};
  auto masters = masters_of(count);
  cluster.up();
  auto file = (cluster.folder() / "backup").string();
  auto large = random_bytes(300'000, 1);
  REQUIRE(cluster.dfs({"put", "--parents", "-", "/a/large"}, large).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/small"}, "in the name space").code == 0);
  auto many = cluster.folder() / "many"; // so that the backup has several blocks
  fs::create_directories(many);
  for (int i = 0; i < 700; ++i)
    write_file(many / fmt::format("{}", i), random_bytes(1000, static_cast<std::uint64_t>(i)));
  REQUIRE(cluster.dfs({"put", "-r", "-j", "8", many.string(), "/many"}).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/removed"}, large).code == 0);
  REQUIRE(cluster.dfs({"rm", "/removed"}).code == 0);
  auto made = cluster.dfs({"admin", "backup", file});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  CHECK_MESSAGE(contains(made.out, "the name space of"), made.out);
  if (count >= 3) // as many masters as copies: the files are in the name space
    CHECK(fs::file_size(file) > 700'000);
  CHECK((fs::status(file).permissions() & fs::perms::others_all) == fs::perms::none);
  auto version = nlohmann::json::parse(cluster.dfs({"--json", "stat", "/small"}).out)["version"];
  REQUIRE(cluster.dfs({"put", "-", "/after"}, large).code == 0); // lost, as what follows the backup

  wipe(cluster, masters);
  for (const auto& master : masters)
    cluster.start(master, {"--restore", file});
  cluster.wait_until_writable();
  CHECK((cluster.dfs({"cat", "/a/large"}).out == large));
  CHECK(cluster.dfs({"cat", "/small"}).out == "in the name space");
  for (int i = 0; i < 700; i += 99)
    CHECK(cluster.dfs({"cat", fmt::format("/many/{}", i)}).out ==
          random_bytes(1000, static_cast<std::uint64_t>(i)));
  CHECK(cluster.dfs({"cat", "/after"}).code == 3);
  REQUIRE(cluster.dfs({"trash", "restore", "/removed"}).code == 0);
  CHECK((cluster.dfs({"cat", "/removed"}).out == large));
  REQUIRE(cluster.dfs({"put", "-", "/new"}, large).code == 0);
  CHECK((cluster.dfs({"cat", "/new"}).out == large));
  // Versions grow over the restore.
  CHECK(nlohmann::json::parse(cluster.dfs({"--json", "stat", "/new"}).out)["version"] > version);
  auto sound = cluster.dfs({"check", "--names"});
  CHECK_MESSAGE(sound.code == 0, sound.out);

  // Restarts need no backup, and refuse one.
  auto& first = masters.front();
  cluster.kill(first, SIGTERM);
  CHECK(cluster.wait_for_exit(first) == 0);
  cluster.start(first, {"--restore", file});
  CHECK(cluster.wait_for_exit(first) == 1);
  CHECK_MESSAGE(contains(cluster.log_of(first), "--restore is for an empty data folder"),
                cluster.log_of(first));
  cluster.start(first);
  cluster.wait_until_writable();
  CHECK((cluster.dfs({"cat", "/a/large"}).out == large));
}

} // namespace

TEST_CASE("three masters begin again from a backup, and find the files on the storage nodes") {
  test_restore(3, "raft");
}

TEST_CASE("a single master begins again from a backup") {
  test_restore(1, "two_phase_commit");
}

TEST_CASE("a master doesn't begin from a backup that is damaged, cut, or of another cluster") {
  test_cluster cluster{group_of(1, "raft")};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "text").code == 0);
  auto file = (cluster.folder() / "backup").string();
  REQUIRE(cluster.dfs({"admin", "backup", file}).code == 0);
  auto whole = read_file(file);
  wipe(cluster, {"master-1"});
  auto must_refuse = [&](const std::string& why) {
    cluster.start("master-1", {"--restore", file});
    CHECK(cluster.wait_for_exit("master-1") == 1);
    auto log = cluster.log_of("master-1");
    CHECK_MESSAGE(contains(log, why), log);
  };
  auto damaged = whole;
  damaged[damaged.size() / 2] ^= 1;
  write_file(file, damaged);
  must_refuse("can't be used");
  write_file(file, whole.substr(0, whole.size() - 1));
  must_refuse("it ends early");
  write_file(file, "something else");
  must_refuse("it is no backup");

  write_file(file, whole);
  fs::remove_all(cluster.data_of("master-1")); // which names the cluster by now
  auto renamed = read_file(cluster.folder() / "cluster.toml");
  auto name = renamed.find("name = \"");
  REQUIRE(name != renamed.npos);
  renamed.insert(name + 8, "other-");
  write_file(cluster.folder() / "cluster.toml", renamed);
  must_refuse("is of the cluster");
}

TEST_CASE("no group is founded while a founder has no backup, or another one") {
  test_cluster cluster{group_of(3, "raft")};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, random_bytes(100'000, 1)).code == 0);
  auto file = (cluster.folder() / "backup").string();
  auto other = (cluster.folder() / "other").string();
  REQUIRE(cluster.dfs({"admin", "backup", file}).code == 0);
  REQUIRE(cluster.dfs({"admin", "backup", other}).code == 0);
  cluster.wait_until_whole({"/f"});
  auto stored = fragments(cluster);
  wipe(cluster, masters_of(3));
  cluster.omit_founding_order();
  cluster.start("master-1", {"--restore", file});
  cluster.start("master-2", {"--restore", file});
  cluster.start("master-3", {"--restore", other});
  eventually("the first says that the backups differ",
             [&] { return contains(waits_for(cluster, 0), "restored from the backup"); });
  cluster.kill("master-3", SIGKILL);
  cluster.start("master-3");
  eventually("the first says that one has no backup",
             [&] { return contains(waits_for(cluster, 0), "master-3 has nothing"); });
  CHECK(fragments(cluster) == stored);
  cluster.kill("master-3", SIGKILL);
  cluster.start("master-3", {"--restore", file});
  cluster.wait_until_writable();
  CHECK(cluster.dfs({"cat", "/f"}).out == random_bytes(100'000, 1));
}

TEST_CASE("a master that is added to a group from a backup begins from that backup, too") {
  test_cluster cluster{group_of(1, "raft")};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "text").code == 0);
  auto file = (cluster.folder() / "backup").string();
  REQUIRE(cluster.dfs({"admin", "backup", file}).code == 0);
  wipe(cluster, {"master-1"});
  cluster.start("master-1", {"--restore", file});
  cluster.wait_until_writable();
  auto larger = group_of(2, "raft");
  larger.joining_masters = 1;
  cluster.write_configuration(larger);
  cluster.start("master-2");
  eventually("the new master says what it needs",
             [&] { return contains(waits_for(cluster, 1), "start master-2 once with --restore"); });
  cluster.kill("master-2", SIGKILL);
  cluster.start("master-2", {"--restore", file});
  auto added = cluster.dfs({"admin", "master", "add", "master-2"});
  REQUIRE_MESSAGE(added.code == 0, added.err);
  REQUIRE(cluster.dfs({"put", "-", "/g"}, "text").code == 0);
  eventually("both have the same sound name space", [&] {
    auto run = cluster.dfs({"--json", "check", "--names"});
    if (run.code != 0)
      return false;
    auto masters = nlohmann::json::parse(run.out)["masters"];
    return masters.size() == 2 && masters[0]["inodes"] == masters[1]["inodes"] &&
           masters[0]["inodes"] >= 3;
  });
}
