#include <atoll/runtime/node_info.hpp>

#include <doctest/doctest.h>

using namespace atl::runtime;

namespace {

node_info master(atl::spi::replica_id id) {
  node_info info;
  info.cluster = "reef";
  info.name = "master-" + std::to_string(id);
  info.role = "master";
  info.replica = id;
  info.consensus = {"raft", "1.0.0", {1, 1}, {{"quorum", {"2", true}}}};
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
  SUBCASE("consensus plugin") {
    theirs.consensus.protocol_versions = {2, 2};
    CHECK(incompatibility(mine, theirs) ==
          atl::difference(mine.consensus, "master-1", theirs.consensus, "master-2"));
    CHECK(incompatibility(mine, theirs).find("protocol version") != std::string::npos);
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
  storage.consensus = {};
  storage.group.clear();
  CHECK(incompatibility(master(1), storage).empty());
  storage.cluster = "lagoon";
  CHECK_FALSE(incompatibility(master(1), storage).empty());
}

TEST_CASE("a handshake is decoded as it was encoded, and a truncated one is refused") {
  auto bytes = encode(master(2));
  auto info = decode_node_info(bytes, wire_versions);
  REQUIRE(info.has_value());
  CHECK(info->name == "master-2");
  CHECK(info->replica == 2);
  CHECK(info->wire == wire_versions);
  CHECK(info->consensus == master(2).consensus);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(
        decode_node_info(std::string_view{bytes}.substr(0, size), wire_versions).has_value());
}

TEST_CASE("nodes whose wire versions meet read each other, others are refused with both ranges") {
  auto newer = master(2);
  newer.wire = {7, 9};
  auto read = decode_node_info(encode(newer), {6, 7});
  REQUIRE(read.has_value());
  CHECK(read->wire == atl::spi::version_range{7, 9});
  auto refused = decode_node_info(encode(newer), {5, 6});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == atl::errc::refused);
  CHECK(refused.error().message ==
        "the other node speaks wire version 7 to 9, this one 5 to 6: run "
        "releases that have a version in common");
  CHECK_FALSE(decode_node_info(encode(newer), {10, 11}).has_value());
  newer.wire = {9, 7};
  CHECK_FALSE(decode_node_info(encode(newer), {7, 9}).has_value());
}

TEST_CASE("a node that also speaks a newer wire version may append fields to its handshake") {
  auto newer = master(2);
  newer.wire = {7, 8};
  auto read = decode_node_info(encode(newer) + "a new field", {7, 7});
  REQUIRE(read.has_value());
  CHECK(read->name == "master-2");
  CHECK_FALSE(decode_node_info(encode(newer) + "a new field", {7, 8}).has_value());
}

TEST_CASE("digests of different clusters and groups differ") {
  auto mine = master(1);
  auto other = mine;
  other.consensus.plugin = "paxos";
  CHECK(cluster_digest(mine) == cluster_digest(other));
  CHECK(group_digest(mine) != group_digest(other));
  other = mine;
  other.group = "another";
  CHECK(group_digest(mine) != group_digest(other));
  other = mine;
  other.cluster = "lagoon";
  CHECK(cluster_digest(mine) != cluster_digest(other));
  CHECK(group_digest(mine) != group_digest(other));
}

TEST_CASE("digests of compatible nodes are equal") {
  auto mine = master(1);
  auto other = mine;
  other.wire.max += 1;
  other.consensus.version = "1.0.1";
  other.consensus.protocol_versions.max += 1;
  other.consensus.agreed["added"] = {"1", true};
  REQUIRE(incompatibility(mine, master(2)).empty());
  CHECK(cluster_digest(mine) == cluster_digest(other));
  CHECK(group_digest(mine) == group_digest(other));
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
