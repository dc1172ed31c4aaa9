#include "test_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <signal.h>
#include <string_view>
#include <utility>

// A block of one master's name space turns unreadable on its disk. No client ever hears of it: the
// master stops and says what to do, the others answer, and what it says works.

namespace {

namespace fs = std::filesystem;

constexpr int files = 120;
constexpr bool blocks_on_one_failure = std::string_view{ATOLL_TEST_PROTOCOL} == "two_phase_commit";

cluster_shape group_of(int masters) {
  cluster_shape shape;
  shape.masters = masters;
  shape.storages = 1;
  shape.copies = 1;
  shape.consensus = ATOLL_TEST_PROTOCOL;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"8KiB\"";
  shape.consensus_options = "heartbeat = \"50ms\", keep_entries = 20, ";
  shape.consensus_options +=
      blocks_on_one_failure ? "failure_timeout = \"500ms\"" : "election_timeout = \"300ms\"";
  return shape;
}

/// Random, so that it stands in the table file as it is, however that is compressed.
std::string content_of(int file) {
  return random_bytes(4000, static_cast<std::uint64_t>(file));
}
/// Long and random for the same reason.
std::string name_of(int file) {
  constexpr std::string_view letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  std::string name = "row-";
  for (unsigned char byte : random_bytes(60, 1000 + static_cast<std::uint64_t>(file)))
    name += letters[byte % letters.size()];
  return name;
}

/// Of which a row in a table file surely has all; what it shares with the row before isn't stored.
std::string part_of(const std::string& row) {
  return row.substr(row.size() / 2, 24);
}

/// Whose entry of the folder stands amid the others', far from the rows that are read at a start.
int file_in_the_middle() {
  std::vector<std::pair<std::string, int>> names;
  for (int i = 0; i < files; ++i)
    names.emplace_back(name_of(i), i);
  std::sort(names.begin(), names.end());
  return names[files / 2].second;
}

class damaged_group {
 public:
  damaged_group() : cluster{group_of(3)} {
    cluster.up();
    auto local = cluster.folder() / "local";
    fs::create_directories(local);
    for (int i = 0; i < files; ++i)
      write_file(local / name_of(i), content_of(i));
    auto put = cluster.dfs({"put", "-r", local.string(), "/files"});
    REQUIRE_MESSAGE(put.code == 0, put.err);
  }

  /// Turns over one byte where `text` stands in a table file of the master's name space, and starts
  /// the master again.
  void damage(const std::string& master, const std::string& text) {
    stop(master);
    cluster.start(master); // what the database's log holds goes to table files at a start
    cluster.must_lead_all();
    stop(master);
    auto found = false;
    for (auto& entry : fs::directory_iterator{cluster.data_of(master) / "names"}) {
      if (entry.path().extension() != ".sst")
        continue;
      auto bytes = read_file(entry.path());
      auto at = bytes.find(text);
      if (at == std::string::npos)
        continue;
      found = true;
      bytes[at + text.size() / 2] ^= 1;
      write_file(entry.path(), bytes);
    }
    REQUIRE(found);
    cluster.start(master);
  }

  void stop(const std::string& master) {
    cluster.kill(master, SIGTERM);
    CHECK(cluster.wait_for_exit(master) == 0);
  }

  /// Has the master lead, with a protocol that lets itself be told.
  void lead(const std::string& master) {
    cluster.must_lead_all();
    if (blocks_on_one_failure)
      return;
    // A leader gives a transfer up after one election timeout, which a busy machine may exceed.
    eventually("the master leads", [&] {
      return cluster.dfs({"admin", "master", "lead", master}).code == 0;
    });
  }

  void must_read(int file) {
    auto read = cluster.dfs({"cat", "/files/" + name_of(file)});
    CHECK_MESSAGE(read.code == 0, read.err);
    CHECK((read.out == content_of(file)));
  }

  /// The master says what is damaged and what to do, ends, and `dfs status` names it.
  void must_stop(const std::string& master) {
    CHECK(cluster.wait_for_exit(master) == 1);
    auto log = cluster.log_of(master);
    CHECK_MESSAGE(log.find("damaged") != std::string::npos, log);
    CHECK_MESSAGE(log.find("start this master once with --new-disk") != std::string::npos, log);
    CHECK_MESSAGE(log.find("dfs admin master replace NAME") != std::string::npos, log);
    eventually("status names the master that stopped", [&] {
      auto status = cluster.dfs({"status"});
      auto health = status.out.substr(0, status.out.find('\n'));
      return status.code == (blocks_on_one_failure ? 5 : 8) &&
             health.starts_with(blocks_on_one_failure ? "writes are refused" : "degraded") &&
             health.find(master) != std::string::npos;
    });
  }

  /// What the log advises, to the letter. Afterwards the master counts, and has everything.
  void must_be_rebuilt(const std::string& master) {
    cluster.start(master, {"--new-disk"});
    eventually("the master waits on its new disk", [&] {
      return cluster.dfs({"status"}).out.find("dfs admin master replace " + master) !=
             std::string::npos;
    });
    auto replaced = cluster.dfs({"admin", "master", "replace", master});
    CHECK_MESSAGE(replaced.code == 0, replaced.err);
    eventually("the cluster is healthy", [&] { return cluster.dfs({"status"}).code == 0; });
    lead(master);
    for (int i = 0; i < files; i += 7)
      if (i != changed)
        must_read(i);
  }

  test_cluster cluster;
  int changed = -1; ///< a file that has another content by now
};

std::string follower(test_cluster& cluster) {
  return cluster.must_lead_all() == "master-3" ? "master-2" : "master-3";
}

} // namespace

TEST_CASE("a reader that meets a damaged row gets the right answer, and that master stops and is "
          "rebuilt") {
  damaged_group group;
  auto victim = follower(group.cluster);
  group.damage(victim, part_of(content_of(17)));
  group.cluster.must_lead_all();
  group.must_read(3); // of a block that is whole
  for (int i = 0; i < 50 && group.cluster.is_running(victim); ++i)
    group.must_read(17); // each client begins with a master by lot
  group.must_stop(victim);
  group.must_read(17);
  group.must_be_rebuilt(victim);
}

TEST_CASE("a writer that meets a damaged row of the leader is answered by the next one") {
  damaged_group group;
  auto& cluster = group.cluster;
  auto victim = cluster.must_lead_all();
  group.changed = file_in_the_middle();
  auto name = name_of(group.changed);
  group.damage(victim, part_of(name));
  group.lead(victim);
  auto path = "/files/" + name;
  auto put = cluster.dfs({"put", "-", path}, "another text");
  if (!blocks_on_one_failure)
    CHECK_MESSAGE(put.code == 0, put.err);
  group.must_stop(victim);
  group.must_be_rebuilt(victim);
  CHECK(cluster.dfs({"put", "-", path}, "the last text").code == 0);
  CHECK(cluster.dfs({"cat", path}).out == "the last text");
}

TEST_CASE("a master whose name space can't be opened refuses to start, and is rebuilt") {
  damaged_group group;
  auto victim = follower(group.cluster);
  group.stop(victim);
  for (auto& entry : fs::directory_iterator{group.cluster.data_of(victim) / "names"})
    if (entry.path().filename().string().starts_with("MANIFEST"))
      fs::resize_file(entry.path(), 10);
  group.cluster.start(victim);
  group.must_stop(victim);
  group.must_read(17);
  group.must_be_rebuilt(victim);
}

TEST_CASE("a leader whose name space is damaged passes the damage on to nobody") {
  if (blocks_on_one_failure)
    return; // without its coordinator the group lets nobody in
  damaged_group group;
  auto& cluster = group.cluster;
  auto victim = cluster.must_lead_all();
  group.damage(victim, part_of(content_of(17)));
  group.lead(victim);
  eventually("the log is cut", [&] { // so that a new member needs a snapshot
    auto status = cluster.status();
    return status.is_object() && status["seen_by"]["name"] == victim &&
           status["seen_by"]["first"].get<int>() > 20;
  });
  auto larger = group_of(4);
  larger.joining_masters = 1;
  cluster.write_configuration(larger);
  cluster.start("master-4");
  // Its snapshot is one of the leader's name space.
  auto added = cluster.dfs({"admin", "master", "add", "master-4"});
  CHECK_MESSAGE(added.code == 0, added.err);
  group.must_stop(victim);
  for (int i = 0; i < 10; ++i)
    group.must_read(17);
  CHECK(cluster.is_running("master-4"));
}
