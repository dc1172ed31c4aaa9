#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <signal.h>
#include <tuple>

// A disk that was wiped, swapped or not mounted harms no cluster.

namespace {

namespace fs = std::filesystem;

cluster_shape group_of(int masters) {
  cluster_shape shape;
  shape.masters = masters;
  shape.consensus = ATOLL_TEST_PROTOCOL;
  shape.consensus_options = "election_timeout = \"300ms\", heartbeat = \"50ms\"";
  // What can't be done is tried for so long.
  shape.client = "timeout = \"15s\"\nrefusal_timeout = \"5s\"";
  return shape;
}

/// The master's own view of itself; null when it doesn't answer.
nlohmann::json view_of(test_cluster& cluster, const std::string& name) {
  for (auto& view : cluster.masters())
    if (view.is_object() && view["seen_by"]["name"] == name)
      return view;
  return {};
}

/// The same, once it answers.
nlohmann::json must_answer(test_cluster& cluster, const std::string& name) {
  nlohmann::json view;
  eventually(name + " answers", [&] {
    view = view_of(cluster, name);
    return view.is_object();
  });
  return view;
}

std::string waits_for(test_cluster& cluster, const std::string& name) {
  auto view = view_of(cluster, name);
  return view.is_object() ? view.value("waiting", "") : "";
}

void wait_until_refused(test_cluster& cluster, const std::string& master) {
  eventually(master + " says that it needs an operator", [&] {
    return waits_for(cluster, master).find("dfs admin master replace") != std::string::npos;
  });
}

std::size_t fragments(test_cluster& cluster) {
  std::size_t count = 0;
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    count += cluster.chunk_files(node).size();
  return count;
}

} // namespace

TEST_CASE("masters that are started on empty folders found a group by themselves") {
  test_cluster cluster{group_of(3)};
  cluster.omit_founding_order();
  cluster.up();
  CHECK(cluster.dfs({"put", "-", "/f"}, "hello").code == 0);
  auto group = must_answer(cluster, "master-1")["seen_by"]["group"].get<std::string>();
  CHECK(group.size() == 32);
  for (auto* master : {"master-2", "master-3"})
    CHECK(must_answer(cluster, master)["seen_by"]["group"] == group);
  for (auto& node : cluster.names())
    eventually("the folder of " + node + " names the group", [&] {
      return read_file(cluster.data_of(node) / "identity.json").find(group) != std::string::npos;
    });
}

TEST_CASE("a master whose disk is not mounted founds no group, and no storage node deletes data") {
  auto shape = group_of(1);
  shape.files += "\ngrace = \"1s\"\ncollection_interval = \"100ms\"";
  test_cluster cluster{shape};
  cluster.up();
  auto bytes = random_bytes(300'000, 1);
  REQUIRE(cluster.dfs({"put", "-", "/precious"}, bytes).code == 0);
  cluster.wait_until_whole({"/precious"});
  auto before = fragments(cluster);
  cluster.kill("master-1", SIGKILL);
  fs::rename(cluster.data_of("master-1"), cluster.folder() / "disk");
  cluster.omit_founding_order();
  cluster.start("master-1");
  eventually("the master says why it waits", [&] {
    return waits_for(cluster, "master-1").find("belongs to a group already") != std::string::npos;
  });
  auto refused = cluster.dfs({"ls", "/"});
  CHECK(refused.code == 5);
  CHECK_MESSAGE(refused.err.find("isn't mounted") != std::string::npos, refused.err);
  CHECK(fragments(cluster) == before);
  cluster.kill("master-1", SIGKILL);
  fs::remove_all(cluster.data_of("master-1"));
  fs::rename(cluster.folder() / "disk", cluster.data_of("master-1"));
  cluster.start("master-1");
  cluster.wait_until_writable();
  CHECK((cluster.dfs({"cat", "/precious"}).out == bytes));
}

TEST_CASE("storage nodes ignore a group that an operator founded on an empty disk until they are "
          "started with --new-disk") {
  auto shape = group_of(1);
  shape.files += "\ngrace = \"1s\"\ncollection_interval = \"100ms\"";
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, random_bytes(300'000, 1)).code == 0);
  cluster.wait_until_whole({"/f"});
  auto before = fragments(cluster);
  cluster.kill("master-1", SIGKILL);
  fs::rename(cluster.data_of("master-1"), cluster.folder() / "disk");
  cluster.start("master-1"); // with the order to found
  eventually("status says that the storage nodes are of another group", [&] {
    auto status = cluster.dfs({"status"}).out;
    return status.find("turned away: the data of storage-3 belongs to the group") !=
           std::string::npos;
  });
  auto put = cluster.dfs({"put", "-", "/g"}, random_bytes(100'000, 2));
  CHECK(put.code != 0);
  // Several garbage collections of a master whose name space has no file.
  auto entries = must_answer(cluster, "master-1")["seen_by"]["applied"].get<std::uint64_t>();
  for (int i = 0; i < 3; ++i)
    REQUIRE(cluster.dfs({"mkdir", fmt::format("/d{}", i)}).code == 0);
  eventually("the new group looks for garbage", [&] {
    auto view = view_of(cluster, "master-1");
    return view.is_object() && view["seen_by"]["applied"].get<std::uint64_t>() > entries + 3;
  });
  CHECK(fragments(cluster) == before);
  for (auto* node : {"storage-1", "storage-2", "storage-3"}) {
    cluster.kill(node, SIGTERM);
    cluster.wait_for_exit(node);
    cluster.start(node, {"--new-disk"});
    cluster.wait_for_health(node, "up");
  }
  CHECK(cluster.dfs({"put", "-", "/g"}, random_bytes(100'000, 2)).code == 0);
  auto kept = 0;
  for (auto& entry : fs::directory_iterator{cluster.data_of("storage-1")})
    kept += entry.path().filename().string().starts_with("former-");
  CHECK(kept == 1);
}

TEST_CASE("a master that lost its disk is not a member under its old id, so that entries on two "
          "of three masters survive") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  auto leader = cluster.must_lead_all();
  std::vector<std::string> others;
  for (std::string name : {"master-1", "master-2", "master-3"})
    if (name != leader)
      others.push_back(name);
  auto& wiped = others[0];
  auto& lagging = others[1];
  cluster.kill(lagging, SIGKILL);
  cluster.wait_until_writable();
  REQUIRE(cluster.dfs({"put", "-", "/acknowledged"}, "by two of three").code == 0);
  // Of the two masters with the entry one loses its disk, the other is down; the third lacks it.
  cluster.kill(leader, SIGKILL);
  cluster.kill(wiped, SIGKILL);
  fs::remove_all(cluster.data_of(wiped));
  cluster.start(wiped);
  cluster.start(lagging);
  wait_until_refused(cluster, wiped);
  CHECK(cluster.dfs({"mkdir", "/forgetful"}).code != 0);
  cluster.start(leader);
  cluster.wait_until_writable();
  CHECK(cluster.dfs({"cat", "/acknowledged"}).out == "by two of three");
  eventually("status says that the wiped master waits",
             [&] { return cluster.dfs({"status"}).out.find("waiting") != std::string::npos; });

  auto replaced = cluster.dfs({"admin", "master", "replace", wiped});
  CHECK_MESSAGE(replaced.code == 0, replaced.err);
  // The new master counts: with another one down there is a majority.
  cluster.kill(leader, SIGKILL);
  cluster.wait_until_writable();
  CHECK(cluster.dfs({"cat", "/acknowledged"}).out == "by two of three");
  SUBCASE("and the master keeps its new id after restarts") {
    for (auto& name : others)
      cluster.kill(name, SIGKILL);
    for (auto& name : {wiped, lagging})
      cluster.start(name);
    cluster.wait_until_writable();
    eventually("it knows itself as a voter", [&] {
      auto view = must_answer(cluster, wiped);
      auto voters = view["seen_by"]["voters"].get<std::vector<int>>();
      return std::find(voters.begin(), voters.end(), 4) != voters.end();
    });
    auto again = cluster.dfs({"admin", "master", "replace", wiped});
    CHECK(again.code != 0);
    CHECK_MESSAGE(again.err.find("nothing to replace") != std::string::npos, again.err);
  }
}

TEST_CASE("a master that restarts with an older copy of its disk is refused, and ends") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  auto stop = [&] {
    cluster.kill("master-3", SIGTERM);
    cluster.wait_for_exit("master-3");
  };
  auto start = [&] {
    cluster.start("master-3");
    cluster.must_lead_all();
  };
  cluster.must_lead_all();
  stop();
  auto copy = cluster.folder() / "copy";
  fs::copy(cluster.data_of("master-3"), copy, fs::copy_options::recursive);
  start();
  for (int i = 0; i < 5; ++i)
    REQUIRE(cluster.dfs({"mkdir", fmt::format("/d{}", i)}).code == 0);
  eventually("the master has applied the writes", [&] {
    auto own = view_of(cluster, "master-3");
    auto leader = view_of(cluster, cluster.must_lead());
    return own.is_object() && leader.is_object() &&
           own["seen_by"]["applied"] == leader["seen_by"]["applied"];
  });
  stop();
  start(); // its handshake reports the end of its log
  stop();
  fs::remove_all(cluster.data_of("master-3"));
  fs::rename(copy, cluster.data_of("master-3"));
  cluster.start("master-3");
  CHECK(cluster.wait_for_exit("master-3") == 1);
  CHECK_MESSAGE(cluster.log_of("master-3").find("an older copy of its disk") != std::string::npos,
                cluster.log_of("master-3"));
  CHECK(cluster.dfs({"mkdir", "/after"}).code == 0);
  // The remedy from the log.
  cluster.start("master-3", {"--new-disk"});
  wait_until_refused(cluster, "master-3");
  auto replaced = cluster.dfs({"admin", "master", "replace", "master-3"});
  CHECK_MESSAGE(replaced.code == 0, replaced.err);
}

TEST_CASE("two of three masters with empty disks do not found a group that ignores the third "
          "master's data") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, "precious").code == 0);
  for (auto* name : {"master-1", "master-2", "master-3"})
    cluster.kill(name, SIGKILL);
  for (auto* name : {"master-1", "master-2"}) {
    fs::rename(cluster.data_of(name), cluster.folder() / (std::string{name} + ".disk"));
    cluster.start(name); // with the order to found
  }
  eventually("the two masters wait for the third", [&] {
    return waits_for(cluster, "master-1").find("master-3 doesn't answer") != std::string::npos;
  });
  cluster.start("master-3");
  for (auto* name : {"master-1", "master-2"})
    wait_until_refused(cluster, name);
  CHECK(cluster.dfs({"mkdir", "/d"}).code != 0);
  for (auto* name : {"master-1", "master-2"}) {
    cluster.kill(name, SIGKILL);
    fs::remove_all(cluster.data_of(name));
    fs::rename(cluster.folder() / (std::string{name} + ".disk"), cluster.data_of(name));
    cluster.start(name);
  }
  cluster.wait_until_writable();
  CHECK(cluster.dfs({"cat", "/f"}).out == "precious");
}

TEST_CASE("a master whose file names another recovery scheme is let in, and what holds stays") {
  auto shape = group_of(3);
  test_cluster cluster{shape};
  cluster.up();
  auto bytes = random_bytes(100'000, 1);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  cluster.kill("master-2", SIGTERM);
  cluster.wait_for_exit("master-2");
  auto other = shape;
  other.copies = 2;
  cluster.write_configuration(other);
  cluster.start("master-2");
  eventually("the other masters name what differs", [&] {
    return cluster.dfs({"status"}).out.find("master-2's file differs: recovery") !=
           std::string::npos;
  });
  CHECK((cluster.dfs({"cat", "/f"}).out == bytes));
  auto policy = nlohmann::json::parse(cluster.dfs({"--json", "policy", "show", "/"}).out);
  CHECK(policy["recovery_options"]["copies"] == 3);
}

TEST_CASE("a node whose data folder lacks a part or the identity refuses to start") {
  test_cluster cluster{group_of(1)};
  cluster.up();
  auto group = cluster.group_data_of("master-1");
  auto log = "groups/" + group.filename().string() + "/log";
  auto state = "groups/" + group.filename().string() + "/state";
  for (auto [node, part, expected] : {std::tuple{"master-1", log, "held the folder '" + log + "'"},
                                      {"master-1", state, "held the folder '" + state + "'"},
                                      {"storage-1", "chunks", "held the folder 'chunks'"},
                                      {"master-1", "identity.json", "whose data it is"}}) {
    CAPTURE(node);
    CAPTURE(part);
    cluster.kill(node, SIGTERM);
    cluster.wait_for_exit(node);
    auto missing = cluster.data_of(node) / part;
    fs::rename(missing, cluster.folder() / "missing");
    if (part != std::string{"identity.json"})
      fs::create_directory(missing); // as the mount point of a disk
    cluster.start(node);
    CHECK(cluster.wait_for_exit(node) == 1);
    CHECK_MESSAGE(cluster.log_of(node).find(expected) != std::string::npos, cluster.log_of(node));
    fs::remove_all(missing);
    fs::rename(cluster.folder() / "missing", missing);
    cluster.start(node);
    cluster.wait_until_writable();
  }
}

TEST_CASE("a master's data folder of the former layout is moved over at the start") {
  test_cluster cluster{group_of(1)};
  cluster.up();
  auto bytes = random_bytes(100'000, 1);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  cluster.kill("master-1", SIGTERM);
  cluster.wait_for_exit("master-1");
  auto data = cluster.data_of("master-1");
  auto group = cluster.group_data_of("master-1");
  fs::rename(group / "log", data / "log");
  fs::rename(group / "state", data / "names");
  auto identity = nlohmann::json::parse(read_file(data / "identity.json"));
  identity.erase("groups");
  identity.erase("application");
  identity["parts"] = {"log", "names"};
  write_file(data / "identity.json", identity.dump());
  cluster.start("master-1");
  cluster.wait_until_writable();
  CHECK((cluster.dfs({"cat", "/f"}).out == bytes));
  CHECK(fs::exists(group / "log"));
  CHECK_FALSE(fs::exists(data / "names"));
}

TEST_CASE("a storage node with an empty disk takes its name over once an operator allows it") {
  test_cluster cluster{group_of(1)};
  cluster.up();
  auto bytes = random_bytes(300'000, 1);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  cluster.kill("storage-1", SIGKILL);
  fs::remove_all(cluster.data_of("storage-1"));
  cluster.wait_for_health("storage-1", "down");
  cluster.start("storage-1");
  CHECK(cluster.wait_for_exit("storage-1") == 1);
  auto replaced = cluster.dfs({"admin", "storage", "replace", "storage-1"});
  CHECK_MESSAGE(replaced.code == 0, replaced.err);
  cluster.start("storage-1");
  cluster.wait_for_health("storage-1", "up");
  CHECK((cluster.dfs({"cat", "/f"}).out == bytes));
  REQUIRE(cluster.dfs({"put", "-", "/g"}, bytes).code == 0);
  eventually("it stores fragments again",
             [&] { return !cluster.chunk_files("storage-1").empty(); });
}
