#include "contains.hpp"
#include "namespace/keys.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <sys/wait.h>

#include <cstdint>
#include <memory>
#include <signal.h>

// `dfs check --names`: sound name spaces, damaged ones, and masters that can't be asked.

namespace {

namespace fs = std::filesystem;

cluster_shape group_of(int masters) {
  cluster_shape shape;
  shape.masters = masters;
  shape.storages = 1;
  shape.copies = 1;
  if (masters > 1) {
    shape.consensus = "raft";
    shape.consensus_options = "heartbeat = \"50ms\", election_timeout = \"300ms\"";
  }
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"8KiB\"";
  return shape;
}

void stop(test_cluster& cluster, const std::string& master) {
  cluster.kill(master, SIGTERM);
  CHECK(cluster.wait_for_exit(master) == 0);
}

/// Removes a row from the name space of a master that doesn't run.
void remove_row(const test_cluster& cluster, const std::string& master, const std::string& key) {
  rocksdb::DB* opened = nullptr;
  auto folder = cluster.group_data_of(master) / "state";
  REQUIRE(rocksdb::DB::Open({}, folder.string(), &opened).ok());
  std::unique_ptr<rocksdb::DB> db{opened};
  std::string value;
  REQUIRE(db->Get({}, key, &value).ok());
  rocksdb::WriteOptions durable;
  durable.sync = true;
  REQUIRE(db->Delete(durable, key).ok());
}

/// Has the program not ended yet?
bool is_running(pid_t process) {
  siginfo_t ended{};
  auto asked = ::waitid(P_PID, static_cast<id_t>(process), &ended, WEXITED | WNOHANG | WNOWAIT);
  return asked == 0 && ended.si_pid == 0;
}

/// The names that a master has, in all directories.
std::uint64_t entries_at(test_cluster& cluster, const std::string& master) {
  auto check = cluster.dfs({"--json", "check", "--names", master});
  REQUIRE_MESSAGE(check.code == 0, check.out, check.err);
  return nlohmann::json::parse(check.out)["masters"][0]["entries"];
}

/// The same of each master, once all have the same.
std::uint64_t entries_at_all(test_cluster& cluster) {
  std::uint64_t entries = 0;
  eventually("all masters have the same entries", [&] {
    entries = entries_at(cluster, "master-1");
    return entries > 0 && entries_at(cluster, "master-2") == entries &&
           entries_at(cluster, "master-3") == entries;
  });
  return entries;
}

} // namespace

TEST_CASE("each master of a sound cluster says so, with what it has") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  auto leader = cluster.must_lead_all();
  auto before = entries_at_all(cluster);
  REQUIRE(cluster.dfs({"mkdir", "/d"}).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/d/small"}, "inline").code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/d/large"}, random_bytes(150 << 10, 1)).code == 0);
  REQUIRE(cluster.dfs({"cp", "/d/large", "/copy"}).code == 0);
  REQUIRE(cluster.dfs({"rm", "/d/small"}).code == 0);
  auto check = cluster.dfs({"check", "--names"});
  CHECK_MESSAGE(check.code == 0, check.out, check.err);
  for (auto* master : {"master-1", "master-2", "master-3"})
    CHECK_MESSAGE(contains(check.out, fmt::format("{}: sound: ", master)), check.out);
  CHECK(entries_at_all(cluster) == before + 3); // /d, /d/large, /copy
  auto json = nlohmann::json::parse(cluster.dfs({"--json", "check", "--names", leader}).out);
  CHECK(json["verdict"] == "sound");
  REQUIRE(json["masters"].size() == 1);
  auto& master = json["masters"][0];
  CHECK(master["name"] == leader);
  CHECK(master["entries"] == before + 3);
  CHECK(master["chunks"] == 3); // shared by the copy
  CHECK(master["log_index"].get<int>() > 5);
  CHECK(master["findings"].empty());
  eventually("the copy that was checked is removed",
             [&] { return fs::is_empty(cluster.group_data_of(leader) / "snapshots" / "copies"); });
}

TEST_CASE("a check while files are stored and removed finds a sound name space each time") {
  test_cluster cluster{group_of(1)};
  cluster.up();
  auto local = cluster.folder() / "local";
  for (int i = 0; i < 600; ++i)
    write_file(local / fmt::format("d{}/f{}", i % 20, i),
               random_bytes(i % 3 == 0 ? 20'000 : 100, 1));
  auto dfs = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all{program("dfs").string(), "--cluster", cluster.folder().string()};
    all.insert(all.end(), words.begin(), words.end());
    return start_program(all);
  };
  REQUIRE(cluster.dfs({"put", "-r", local.string(), "/first"}).code == 0);
  auto storing = dfs({"put", "-r", "-j", "4", local.string(), "/second"});
  auto removing = dfs({"rm", "-r", "/first"});
  std::uint64_t last = 0;
  do {
    auto check = cluster.dfs({"--json", "check", "--names"});
    CHECK_MESSAGE(check.code == 0, check.out, check.err);
    auto index = nlohmann::json::parse(check.out)["masters"][0]["log_index"].get<std::uint64_t>();
    CHECK(index >= last);
    last = index;
  } while (is_running(storing));
  CHECK(wait_for(storing) == 0);
  CHECK(wait_for(removing) == 0);
}

TEST_CASE("a master that doesn't answer could not be checked, and an unknown one is refused") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  cluster.must_lead_all();
  stop(cluster, "master-3");
  auto check = cluster.dfs({"check", "--names"});
  CHECK(check.code == 5);
  CHECK_MESSAGE(contains(check.out, "master-1: sound: "), check.out);
  CHECK_MESSAGE(contains(check.out, "master-3: could not be checked: "), check.out);
  CHECK(cluster.dfs({"check", "--names", "master-1", "master-2"}).code == 0);
  auto unknown = cluster.dfs({"check", "--names", "master-9"});
  CHECK(unknown.code == 3);
  CHECK_MESSAGE(contains(unknown.err, "no master 'master-9'"), unknown.err);
  eventually("the leader has counted the chunks", [&] { return cluster.dfs({"check"}).code == 0; });
  CHECK(cluster.dfs({"check", "master-1"}).code == 2);
  CHECK(cluster.dfs({"check", "--names", "--repair"}).code == 2);
}

TEST_CASE("a lost row of one master is found there, and named") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  for (auto* name : {"/f", "/g"})
    REQUIRE(cluster.dfs({"put", "-", name}, "text").code == 0);
  auto leader = cluster.must_lead_all();
  auto victim = leader == "master-3" ? "master-2" : "master-3";
  auto before = entries_at_all(cluster); // all in the root
  stop(cluster, victim);
  remove_row(cluster, victim, dfs::state::keys::entry(dfs::root_inode, "f"));
  cluster.start(victim);
  cluster.must_lead_all();
  auto check = cluster.dfs({"check", "--names"});
  CHECK(check.code == 1);
  CHECK_MESSAGE(contains(check.out, "master-1: sound: "), check.out);
  CHECK_MESSAGE(contains(check.out, fmt::format("{}: damaged: 2 findings", victim)), check.out);
  auto found =
      fmt::format("  the number of entries of inode 1 is recorded as {}, and counted as {}", before,
                  before - 1);
  CHECK_MESSAGE(contains(check.out, found), check.out);
  CHECK_MESSAGE(contains(check.out, fmt::format("'dfs admin master replace {}'", victim)),
                check.out);
  auto json = cluster.dfs({"--json", "check", "--names", victim});
  CHECK(json.code == 1);
  auto read = nlohmann::json::parse(json.out);
  CHECK(read["verdict"] == "damaged");
  CHECK(read["masters"][0]["findings_total"] == 2);
  CHECK(read["masters"][0]["findings"].size() == 2);
}

TEST_CASE("a row that can't be read is found, and the master goes on") {
  test_cluster cluster{group_of(1)};
  cluster.up();
  auto content = random_bytes(4000, 1);
  for (int i = 0; i < 50; ++i)
    REQUIRE(cluster
                .dfs({"put", "-", fmt::format("/f{}", i)},
                     i == 17 ? content : random_bytes(4000, 100 + static_cast<unsigned>(i)))
                .code == 0);
  stop(cluster, "master-1");
  cluster.start("master-1"); // a start writes the rows of the database's log to table files
  cluster.must_lead_all();
  stop(cluster, "master-1");
  auto found = false;
  for (auto& entry : fs::directory_iterator{cluster.group_data_of("master-1") / "state"}) {
    if (entry.path().extension() != ".sst")
      continue;
    auto bytes = read_file(entry.path());
    auto at = bytes.find(content.substr(2000, 24));
    if (at == std::string::npos)
      continue;
    found = true;
    bytes[at + 12] ^= 1;
    write_file(entry.path(), bytes);
  }
  REQUIRE(found);
  cluster.start("master-1");
  cluster.must_lead_all();
  auto check = cluster.dfs({"check", "--names"});
  CHECK(check.code == 1);
  CHECK_MESSAGE(contains(check.out, "master-1: damaged: 1 finding at"), check.out);
  CHECK_MESSAGE(contains(check.out, "database is damaged"), check.out);
  CHECK(cluster.is_running("master-1"));
  CHECK(cluster.dfs({"cat", "/f3"}).code == 0);
}
