#include <atoll/runtime/node_info.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace atl::runtime;

namespace {

node_info master(atl::spi::replica_id id) {
  node_info info;
  info.cluster = "reef";
  info.name = "master-" + std::to_string(id);
  info.role = "master";
  info.replica = id;
  info.consensus = "raft 1.0.0 {heartbeat = \"100ms\"}";
  info.group = "0123456789abcdef0123456789abcdef";
  info.folder = "folder-" + std::to_string(id);
  return info;
}

} // namespace

TEST_CASE("masters with equal settings accept each other") {
  CHECK(incompatibility(master(1), master(2)).empty());
}

TEST_CASE("every difference is reported with both values") {
  auto mine = master(1);
  auto theirs = master(2);
  SUBCASE("cluster") {
    theirs.cluster = "lagoon";
    auto why = incompatibility(mine, theirs);
    CHECK(why.find("'reef'") != why.npos);
    CHECK(why.find("'lagoon'") != why.npos);
  }
  SUBCASE("consensus options") {
    theirs.consensus = "raft 1.0.0 {heartbeat = \"200ms\"}";
    auto why = incompatibility(mine, theirs);
    CHECK(why.find("100ms") != why.npos);
    CHECK(why.find("200ms") != why.npos);
  }
  SUBCASE("consensus interface") {
    theirs.consensus_interface.minor += 1;
    CHECK(incompatibility(mine, theirs) ==
          fmt::format("master-1 has the consensus interface '{}.{}', "
                      "master-2 has '{}.{}'",
                      mine.consensus_interface.major, mine.consensus_interface.minor,
                      theirs.consensus_interface.major, theirs.consensus_interface.minor));
    theirs = master(2);
    theirs.consensus_interface.major += 1;
    CHECK(incompatibility(mine, theirs).find("the consensus interface") != std::string::npos);
  }
  SUBCASE("group") {
    theirs.group = "another";
    auto why = incompatibility(mine, theirs);
    CHECK(why.find(mine.group) != why.npos);
    CHECK(why.find("another") != why.npos);
  }
  SUBCASE("the same id twice") {
    theirs.replica = 1;
    CHECK(incompatibility(mine, theirs).find("both master 1") != std::string::npos);
  }
}

TEST_CASE("a storage node need not know the masters' protocol, but must know the cluster") {
  auto storage = master(0);
  storage.consensus.clear();
  storage.group.clear();
  CHECK(incompatibility(master(1), storage).empty());
  storage.cluster = "lagoon";
  CHECK_FALSE(incompatibility(master(1), storage).empty());
}

TEST_CASE("nodes that host no consensus plugin may have another consensus interface") {
  auto other = master(0);
  other.consensus_interface = {99, 7};
  for (auto role : {"storage", client_role.data()}) {
    other.role = role;
    CHECK(incompatibility(master(1), other) == "");
    CHECK(incompatibility(other, master(1)) == "");
  }
}

TEST_CASE("a handshake is decoded as it was encoded, and a truncated one is refused") {
  auto bytes = encode(master(2));
  auto info = decode_node_info(bytes);
  REQUIRE(info.has_value());
  CHECK(info->name == "master-2");
  CHECK(info->replica == 2);
  CHECK(info->consensus_interface == atl::spi::interface_of(atl::spi::plugin_kind::consensus));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_node_info(std::string_view{bytes}.substr(0, size)).has_value());
}

TEST_CASE("digests of different clusters and groups differ") {
  auto mine = master(1);
  auto other = mine;
  other.consensus += "x";
  CHECK(cluster_digest(mine) == cluster_digest(other));
  CHECK(group_digest(mine) != group_digest(other));
  other.cluster = "lagoon";
  CHECK(cluster_digest(mine) != cluster_digest(other));
}

TEST_CASE("a heartbeat carries a replica's mark, and whether its disk is short of space") {
  auto told = decode_mark(encode(replica_mark{7, 8, 9, true}, 3));
  REQUIRE(told.has_value());
  CHECK(told->first == 3);
  CHECK(told->second.incarnation == 7);
  CHECK(told->second.term == 8);
  CHECK(told->second.entry == 9);
  CHECK(told->second.short_of_space);
  CHECK_FALSE(decode_mark("").has_value());
  CHECK_FALSE(decode_mark("neither this").has_value());
}
