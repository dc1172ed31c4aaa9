#include "contains.hpp"
#include "proxy_network.hpp"
#include "storage/fragment.hpp"
#include "test_cluster.hpp"

#include <atoll/spi/codec.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <signal.h>
#include <string>
#include <vector>

/// An order of a leading master that travels for so long that its successor has decided otherwise.
namespace {

const std::vector<std::string> masters{"master-1", "master-2", "master-3"};
const std::vector<std::string> storages{"storage-1", "storage-2", "storage-3", "storage-4"};

cluster_shape cluster_on(proxy_network& network) {
  cluster_shape shape;
  shape.masters = 3;
  shape.storages = 4;
  shape.consensus = "raft";
  // So that a leader that stands still for some seconds goes on leading.
  shape.consensus_options = "heartbeat = \"50ms\", election_timeout = \"4s\"";
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = 0\ngrace = \"4s\"\n"
                "collection_interval = \"100ms\"";
  shape.links = "heartbeat = \"100ms\"\nfailure_timeout = \"1m\""; // no held connection is closed
  shape.client = "timeout = \"30s\"";
  shape.network = &network;
  return shape;
}

/// The view of the leader in the newest term; null: no master leads.
nlohmann::json view_of_leader(test_cluster& cluster) {
  nlohmann::json newest;
  for (auto& view : cluster.masters())
    if (view.is_object() && view["seen_by"]["role"] == "leader" &&
        (newest.is_null() || view["seen_by"]["term"] > newest["seen_by"]["term"]))
      newest = view;
  return newest;
}

/// The time since the master heard of the storage node.
int silence(test_cluster& cluster, const std::string& master, const std::string& node) {
  for (auto& view : cluster.masters())
    if (view.is_object() && view["seen_by"]["name"] == master)
      for (auto& entry : view["storages"])
        if (entry["name"] == node)
          return entry["silent_ms"];
  return -1;
}

/// The bytes of an order about a fragment, in the messages of a master.
std::string bytes_of(const dfs::fragment_key& key) {
  return atl::spi::writer{}.put(key.chunk.made_us).put(key.chunk.random).put(key.fragment).take();
}

} // namespace

TEST_CASE("a removal that arrives after a later leader has taken the copy up again removes "
          "nothing") {
  proxy_network network;
  test_cluster cluster{cluster_on(network)};
  cluster.up();
  auto bytes = random_bytes(60'000, 1);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  auto leader = cluster.must_lead_all();
  auto has_copy = [&](const std::string& node) { return !cluster.chunk_files(node).empty(); };
  auto spare = *std::ranges::find_if_not(storages, has_copy);
  auto victim = *std::ranges::find_if(storages, has_copy);
  auto file = cluster.chunk_files(victim).at(0);
  auto key = dfs::parse_fragment_key(file.filename().string());
  REQUIRE(key);

  // The copy moves to the spare node, and the order to remove it is held back.
  network.cut_at(leader, victim, bytes_of(*key));
  auto drained = cluster.dfs({"admin", "storage", "drain", victim});
  REQUIRE_MESSAGE(drained.code == 0, drained.err);
  REQUIRE(cluster.dfs({"admin", "storage", "drain", victim, "--cancel"}).code == 0);
  eventually("the removal is on its way", [&] { return network.is_cut(leader, victim); });
  REQUIRE(std::filesystem::exists(file));

  // Another leader misses the copy of the spare node, and only the victim can replace it.
  for (auto& other : masters)
    if (other != leader) {
      network.cut(leader, other);
      network.cut(other, leader);
    }
  eventually("another master leads", [&] {
    auto view = view_of_leader(cluster);
    return view.is_object() && view["seen_by"]["name"] != leader;
  });
  cluster.kill(spare, SIGKILL);
  auto forgotten = cluster.dfs({"admin", "storage", "forget", spare, "--lost"});
  REQUIRE_MESSAGE(forgotten.code == 0, forgotten.err);
  eventually("the victim's copy is wanted again", [&] {
    return contains(cluster.dfs({"stat", "/f"}).out, victim);
  });
  REQUIRE(network.is_cut(leader, victim));

  int before = -1;
  eventually("the former leader has not heard of the victim since", [&] {
    before = silence(cluster, leader, victim);
    return before >= 0;
  });
  for (auto& other : masters)
    if (other != leader) {
      network.join(leader, other);
      network.join(other, leader);
    }
  network.join(leader, victim);
  // The victim's next heartbeat to this master is sent after it has followed the last answer.
  eventually("the old order has arrived", [&] {
    auto now = silence(cluster, leader, victim);
    return now >= 0 && now < before;
  });
  CHECK(std::filesystem::exists(file));
  for (auto& node : storages)
    if (node != victim && node != spare)
      cluster.kill(node, SIGKILL);
  auto got = cluster.dfs({"cat", "/f"});
  CHECK_MESSAGE(got.code == 0, got.err);
  CHECK((got.out == bytes));
}
