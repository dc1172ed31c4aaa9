#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <signal.h>
#include <string>
#include <string_view>
#include <utility>

// A block of one master's name space is damaged on its disk. No client gets an error: the
// master stops with a remedy, the others answer, and the remedy works.

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

/// Random, so that compression leaves the text as it is in the table file.
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

/// A suffix that is surely stored in full; the prefix shared with the previous row is not stored.
std::string part_of(const std::string& row) {
  return row.substr(row.size() / 2, 24);
}

/// A file whose row is amid the others, far from the rows that are read at a start.
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

  /// Flips one byte at `text` in a table file of the master's name space, and restarts
  /// the master.
  void damage(const std::string& master, const std::string& text) {
    stop(master);
    cluster.start(master); // a start writes the rows of the database's log to table files
    cluster.must_lead_all();
    stop(master);
    auto found = false;
    for (auto& entry : fs::directory_iterator{cluster.group_data_of(master) / "state"}) {
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

  /// Transfers leadership to the master, if the protocol supports that.
  void lead(const std::string& master) {
    cluster.must_lead_all();
    if (blocks_on_one_failure)
      return;
    // The command gives up after 10 s, which a busy machine may exceed.
    eventually("the master leads", [&] {
      return cluster.dfs({"admin", "master", "lead", master}).code == 0;
    });
  }

  void must_read(int file) {
    auto read = cluster.dfs({"cat", "/files/" + name_of(file)});
    CHECK_MESSAGE(read.code == 0, read.err);
    CHECK((read.out == content_of(file)));
  }

  /// Waits until the master has noticed and logged the damage. With a protocol that can't rebuild a
  /// state the master has ended then, and status names it.
  void must_notice(const std::string& master) {
    if (!blocks_on_one_failure) {
      must_log(master, "takes no part until its copy of the state is rebuilt from another master");
      CHECK(cluster.log_of(master).find("damaged") != std::string::npos);
      return;
    }
    CHECK(cluster.wait_for_exit(master) == 1);
    auto log = cluster.log_of(master);
    CHECK_MESSAGE(log.find("damaged") != std::string::npos, log);
    CHECK_MESSAGE(log.find("start this master once with --new-disk") != std::string::npos, log);
    CHECK_MESSAGE(log.find("dfs admin master replace NAME") != std::string::npos, log);
    eventually("status names the master that stopped", [&] {
      auto status = cluster.dfs({"status"});
      auto health = status.out.substr(0, status.out.find('\n'));
      return status.code == 5 && health.starts_with("writes are refused") &&
             health.find(master) != std::string::npos;
    });
  }

  bool has_noticed(const std::string& master) {
    return !cluster.is_running(master) ||
           cluster.log_of(master).find("takes no part until") != std::string::npos;
  }

  /// What of the master's log comes after the last call of `forget_log`.
  std::string new_log_of(const std::string& master) const {
    auto log = cluster.log_of(master);
    auto seen = logs_seen.find(master);
    return seen == logs_seen.end() ? log : log.substr(std::min(seen->second, log.size()));
  }
  void forget_log(const std::string& master) { logs_seen[master] = cluster.log_of(master).size(); }

  void must_log(const std::string& master, const std::string& text) {
    eventually("the master has logged: " + text,
               [&] { return new_log_of(master).find(text) != std::string::npos; });
  }

  /// Afterwards the master counts for a quorum, and has all data.
  void must_be_rebuilt(const std::string& master) {
    if (blocks_on_one_failure)
      follow_the_remedy(master);
    else
      must_log(master, "its copy of the state is rebuilt");
    eventually("the cluster is healthy", [&] { return cluster.dfs({"status"}).code == 0; });
    lead(master);
    for (int i = 0; i < files; i += 7)
      if (i != changed)
        must_read(i);
  }

  /// Follows the remedy in the log.
  void follow_the_remedy(const std::string& master) {
    cluster.start(master, {"--new-disk"});
    eventually("the master waits on its new disk", [&] {
      return cluster.dfs({"status"}).out.find("dfs admin master replace " + master) !=
             std::string::npos;
    });
    auto replaced = cluster.dfs({"admin", "master", "replace", master});
    if (auto named = replaced.err.find("one start of replica "); named != std::string::npos) {
      decide_what_was_lost(
          replaced.err.substr(named + std::string{"one start of replica "}.size()));
      eventually("the master is replaced", [&] {
        replaced = cluster.dfs({"admin", "master", "replace", master});
        return replaced.code == 0;
      });
      cluster.write_configuration(group_of(3));
    }
    CHECK_MESSAGE(replaced.code == 0, replaced.err);
  }

  /// The damage may hit the coordinator when all others have prepared an entry and none knows
  /// whether it was committed: an operator decides then.
  /// @param replica the number of the present coordinator, and more text
  void decide_what_was_lost(const std::string& replica) {
    auto coordinator = fmt::format("master-{}", replica.at(0));
    stop(coordinator);
    auto shape = group_of(3);
    shape.consensus_options += ", lost_decisions = \"commit\"";
    cluster.write_configuration(shape);
    cluster.start(coordinator); // writes are refused until the damaged master is replaced
  }

  test_cluster cluster;
  int changed = -1; ///< a file whose content was replaced
  std::map<std::string, std::size_t> logs_seen;
};

std::string follower(test_cluster& cluster) {
  return cluster.must_lead_all() == "master-3" ? "master-2" : "master-3";
}

} // namespace

TEST_CASE("a reader that hits a damaged row gets the right response, and the damaged master "
          "is rebuilt") {
  damaged_group group;
  auto victim = follower(group.cluster);
  group.damage(victim, part_of(content_of(17)));
  group.cluster.must_lead_all();
  group.must_read(3); // of an undamaged block
  for (int i = 0; i < 50 && !group.has_noticed(victim); ++i)
    group.must_read(17); // each client begins with a random master
  group.must_notice(victim);
  group.must_read(17);
  group.must_be_rebuilt(victim);
}

TEST_CASE("a write that hits a damaged row of the leader is completed by the next leader") {
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
  group.must_notice(victim);
  group.must_be_rebuilt(victim);
  CHECK(cluster.dfs({"put", "-", path}, "the last text").code == 0);
  CHECK(cluster.dfs({"cat", path}).out == "the last text");
}

TEST_CASE("a master whose name space can't be opened is rebuilt") {
  damaged_group group;
  auto victim = follower(group.cluster);
  for (auto is_gone : {true, false}) {
    CAPTURE(is_gone);
    group.stop(victim);
    group.forget_log(victim);
    auto state = group.cluster.group_data_of(victim) / "state";
    if (is_gone)
      REQUIRE(fs::remove(state / "CURRENT"));
    for (auto& entry : fs::directory_iterator{state})
      if (!is_gone && entry.path().filename().string().starts_with("MANIFEST"))
        fs::resize_file(entry.path(), 10);
    group.cluster.start(victim);
    group.must_notice(victim);
    group.must_read(17);
    group.must_be_rebuilt(victim);
  }
}

TEST_CASE("two damaged masters of three are rebuilt from the third, and keep what they promised") {
  if (blocks_on_one_failure)
    return; // it can't rebuild a state
  damaged_group group;
  auto& cluster = group.cluster;
  for (auto* master : {"master-1", "master-2", "master-3"})
    group.stop(master);
  for (auto* master : {"master-1", "master-2"})
    REQUIRE(fs::remove(cluster.group_data_of(master) / "state" / "CURRENT"));
  for (auto* master : {"master-1", "master-2", "master-3"})
    cluster.start(master);
  group.must_be_rebuilt("master-1");
  group.must_be_rebuilt("master-2");
  for (auto* master : {"master-1", "master-2"})
    CHECK_FALSE(fs::exists(cluster.group_data_of(master) / "state.damaged"));
}

TEST_CASE("a master that is killed while its name space is rebuilt begins again with that") {
  if (blocks_on_one_failure)
    return; // it can't rebuild a state
  damaged_group group;
  auto& cluster = group.cluster;
  auto victim = follower(cluster);
  auto data = cluster.group_data_of(victim);
  group.stop(victim);
  REQUIRE(fs::remove(data / "state" / "CURRENT"));
  for (int interrupted = 0; interrupted < 5;) {
    group.forget_log(victim);
    cluster.start(victim);
    group.must_log(victim, "takes no part until");
    cluster.kill(victim, SIGKILL);
    if (fs::exists(data / "damage"))
      ++interrupted;
    else // it was rebuilt before the kill
      REQUIRE(fs::remove(data / "state" / "CURRENT"));
  }
  group.forget_log(victim);
  cluster.start(victim);
  group.must_be_rebuilt(victim);
  eventually("the damage is forgotten", [&] { return !fs::exists(data / "damage"); });
}

TEST_CASE("an operator orders that a master's name space is rebuilt") {
  damaged_group group;
  auto& cluster = group.cluster;
  auto victim = follower(cluster);
  group.stop(victim);
  cluster.start(victim, {"--rebuild-state"});
  if (blocks_on_one_failure) {
    CHECK(cluster.wait_for_exit(victim) == 1);
    CHECK(cluster.log_of(victim).find("doesn't claim rebuilds_state") != std::string::npos);
    return;
  }
  group.must_be_rebuilt(victim);
}

TEST_CASE("a single master whose name space is damaged says that it begins again from a backup") {
  test_cluster cluster{group_of(1)};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "text").code == 0);
  auto file = (cluster.folder() / "names.backup").string();
  REQUIRE(cluster.dfs({"admin", "backup", file}).code == 0);
  cluster.kill("master-1", SIGTERM);
  CHECK(cluster.wait_for_exit("master-1") == 0);
  REQUIRE(fs::remove(cluster.group_data_of("master-1") / "state" / "CURRENT"));
  cluster.start("master-1");
  CHECK(cluster.wait_for_exit("master-1") == 1);
  auto log = cluster.log_of("master-1");
  CHECK_MESSAGE(
      log.find("start this one once with --new-disk and --restore FILE") != std::string::npos, log);
  CHECK(log.find("admin master replace") == std::string::npos);
  cluster.start("master-1", {"--new-disk", "--restore", file});
  cluster.wait_until_writable();
  CHECK(cluster.dfs({"cat", "/f"}).out == "text");
}

TEST_CASE("a leader whose name space is damaged sends the damage to no other master") {
  if (blocks_on_one_failure)
    return; // without its coordinator the group admits no member
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
  // The snapshot is a copy of the leader's name space.
  auto added = cluster.dfs({"admin", "master", "add", "master-4"});
  CHECK_MESSAGE(added.code == 0, added.err);
  // If another master leads by now, it has sent a copy of its own, and a read finds the damage.
  eventually("the damage is noticed", [&] {
    group.must_read(17);
    return group.has_noticed(victim);
  });
  group.must_notice(victim);
  for (int i = 0; i < 10; ++i)
    group.must_read(17);
  CHECK(cluster.is_running("master-4"));
}
