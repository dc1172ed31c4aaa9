#include "contains.hpp"
#include "recorded_load.hpp"
#include "temporary_folder.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <signal.h>
#include <string>
#include <vector>

// Masters that are stopped, changed and started again one after the other, as docs/OPERATING.md
// says under "Upgrade node by node".

namespace {

namespace fs = std::filesystem;

cluster_shape group_of_three(const std::string& protocol, const std::string& options) {
  cluster_shape shape;
  shape.masters = 3;
  shape.storages = 1;
  shape.copies = 1;
  shape.consensus = protocol;
  shape.consensus_options = options;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"4KiB\"";
  return shape;
}

constexpr auto raft_options = "heartbeat = \"50ms\", election_timeout = \"400ms\"";

/// A folder with all plugins, in which another build takes the place of raft.
class other_plugins : public temporary_folder {
 public:
  explicit other_plugins(const std::string& raft) {
    for (auto& file : fs::directory_iterator{BUILT_PLUGINS})
      if (file.path().filename() != "raft.so")
        fs::create_symlink(file.path(), *this / file.path().filename().string());
    fs::create_symlink(fs::path{OTHER_RAFTS} / raft / "raft.so", *this / "raft.so");
  }

  /// The line in [plugins].
  std::string line() const { return "path = [\"" + path().string() + "\"]"; }
};

void change(test_cluster& cluster, const std::string& master, const cluster_shape& to) {
  cluster.kill(master, SIGTERM);
  cluster.wait_for_exit(master);
  cluster.write_configuration(to);
  cluster.start(master);
}

nlohmann::json master_in(const nlohmann::json& list, const std::string& name) {
  for (auto& master : list)
    if (master["name"] == name)
      return master;
  return {};
}

/// The version and the heartbeat that each master runs with, as `dfs --json status` shows them,
/// once the leader knows them.
std::vector<std::string> builds(test_cluster& cluster) {
  std::vector<std::string> out;
  eventually("the leader knows what each master runs", [&] {
    out.clear();
    auto status = cluster.status();
    for (auto& master : status["masters"])
      if (auto& plugin = master["consensus"]; plugin.is_object() && plugin["version"].is_string())
        out.push_back(fmt::format("{} {}", plugin["version"].get<std::string>(),
                                  plugin["options"]["heartbeat"].dump()));
    return out.size() == 3;
  });
  return out;
}

void wait_until_healthy(test_cluster& cluster) {
  eventually("the cluster is healthy", [&] { return cluster.dfs({"status"}).code == 0; });
}

/// A master that is changed is turned away until it is changed back, and says why in its log.
void must_be_turned_away(test_cluster& cluster, const std::string& master, const cluster_shape& now,
                         const cluster_shape& to, const std::vector<std::string>& why) {
  change(cluster, master, to);
  nlohmann::json seen;
  eventually(master + " is turned away", [&] {
    auto status = cluster.status();
    seen = status.is_object() ? master_in(status["masters"], master) : nlohmann::json{};
    return seen.is_object() && seen["health"] == "turned away";
  });
  eventually("the list shows it as well", [&] {
    auto list = nlohmann::json::parse(cluster.dfs({"--json", "admin", "master", "list"}).out,
                                      nullptr, false);
    auto listed = list.is_array() ? master_in(list, master) : nlohmann::json{};
    return listed.is_object() && listed["health"] == "turned away" && listed["member"] == "voter";
  });
  for (auto& part : why) {
    CHECK_MESSAGE(contains(seen["why"].get<std::string>(), part), seen["why"]);
    eventually("the status says '" + part + "'",
               [&] { return contains(cluster.dfs({"status"}).out, part); });
    eventually("its log says '" + part + "'",
               [&] { return contains(cluster.log_of(master), part); });
  }
  change(cluster, master, now);
  wait_until_healthy(cluster);
}

std::string a_follower(test_cluster& cluster) {
  return cluster.must_lead_all() == "master-3" ? "master-2" : "master-3";
}

} // namespace

TEST_CASE("masters get another version of their protocol and another heartbeat one by one, and no "
          "request fails") {
  auto before = group_of_three("raft", raft_options);
  auto after = group_of_three("raft", "heartbeat = \"70ms\", election_timeout = \"400ms\"");
  other_plugins patched{"raft_patch"};
  after.plugin_path = patched.line();
  test_cluster cluster{before};
  cluster.up();
  recorded_load load{cluster.settings(), 2};
  load.some_more_writes();
  auto old_build = builds(cluster).front();
  REQUIRE(builds(cluster) == std::vector<std::string>(3, old_build));
  for (std::size_t changed = 1; changed <= 3; ++changed) {
    change(cluster, fmt::format("master-{}", changed), after);
    cluster.must_lead_all();
    load.some_more_writes();
    load.some_more_reads();
    eventually("the leader shows what each master runs", [&] {
      auto now = builds(cluster);
      return now.front() != old_build && now.front().starts_with("1.0.1 ") &&
             std::ranges::count(now, now.front()) == static_cast<std::ptrdiff_t>(changed) &&
             std::ranges::count(now, old_build) == static_cast<std::ptrdiff_t>(3 - changed);
    });
    wait_until_healthy(cluster); // different builds are nothing to report
  }
  load.must_be_linearizable();
  load.must_all_be_answered();
}

TEST_CASE("a master whose plugin speaks another protocol version is turned away, with both "
          "versions in its log and in the status") {
  auto shape = group_of_three("raft", raft_options);
  other_plugins newer{"raft_protocol"};
  auto other = shape;
  other.plugin_path = newer.line();
  test_cluster cluster{shape};
  cluster.up();
  must_be_turned_away(cluster, a_follower(cluster), shape, other,
                      {"speaks protocol version 1", "speaks 2", "give both a version"});
}

TEST_CASE("a master with another value of an option that must agree is turned away, with both "
          "values in its log and in the status") {
  auto shape = group_of_three("two_phase_commit", "max_in_flight = 512");
  auto other = group_of_three("two_phase_commit", "max_in_flight = 256");
  test_cluster cluster{shape};
  cluster.up();
  must_be_turned_away(cluster, a_follower(cluster), shape, other,
                      {"max_in_flight = 512", "max_in_flight = 256", "the same into both files"});
}
