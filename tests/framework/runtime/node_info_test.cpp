#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <doctest/doctest.h>

using namespace atl::runtime;

namespace {

role_info role(std::string name, atl::spi::replica_id id) {
  role_info it;
  it.name = std::move(name);
  it.replica = id;
  it.consensus = {"raft", "1.0.0", {1, 1}, {{"quorum", {"2", true}}}};
  it.group = "0123456789abcdef0123456789abcdef";
  it.mark = {id, 2, 3, true};
  return it;
}

node_info node(atl::spi::replica_id id) {
  node_info info;
  info.cluster = "reef";
  info.name = "master-" + std::to_string(id);
  info.folder = "folder-" + std::to_string(id);
  info.address = "127.0.0.1:" + std::to_string(id);
  info.roles = {role("master", id)};
  return info;
}

std::string master_incompatibility(const node_info& mine, const node_info& theirs) {
  return incompatibility(mine, theirs, "master");
}

} // namespace

TEST_CASE("replicas with equal settings accept each other") {
  CHECK(incompatibility(node(1), node(2)) == "");
  CHECK(master_incompatibility(node(1), node(2)) == "");
}

TEST_CASE("nodes of different clusters refuse each other with both names") {
  auto theirs = node(2);
  theirs.cluster = "lagoon";
  auto why = incompatibility(node(1), theirs);
  CHECK(why.find("'reef'") != why.npos);
  CHECK(why.find("'lagoon'") != why.npos);
}

TEST_CASE("every difference of a role is reported with both values") {
  auto mine = node(1);
  auto theirs = node(2);
  SUBCASE("consensus plugin") {
    auto& other = theirs.roles[0].consensus;
    other.protocol_versions = {2, 2};
    CHECK(master_incompatibility(mine, theirs) ==
          atl::difference(mine.roles[0].consensus, "master-1", other, "master-2"));
    CHECK(master_incompatibility(mine, theirs).find("protocol version") != std::string::npos);
  }
  SUBCASE("group") {
    theirs.roles[0].group = "another";
    auto why = master_incompatibility(mine, theirs);
    CHECK(why.find(mine.roles[0].group) != why.npos);
    CHECK(why.find("another") != why.npos);
  }
  SUBCASE("the same id twice") {
    theirs.roles[0].replica = 1;
    CHECK(master_incompatibility(mine, theirs).find("both master 1") != std::string::npos);
  }
}

TEST_CASE("roles are compared one by one") {
  auto mine = node(1);
  auto theirs = node(2);
  mine.roles.push_back(role("jobs", 1));
  theirs.roles.push_back(role("jobs", 1));
  CHECK(master_incompatibility(mine, theirs) == "");
  CHECK(incompatibility(mine, theirs, "jobs").find("both jobs 1") != std::string::npos);
  CHECK(incompatibility(mine, theirs, "storage") == "");
}

TEST_CASE("a node without a replica in a role need not know the replicas' protocol") {
  auto other = node(0);
  other.roles[0].consensus = {};
  CHECK(master_incompatibility(node(1), other) == "");
  CHECK(master_incompatibility(other, node(1)) == "");
  other.roles.clear();
  CHECK(master_incompatibility(node(1), other) == "");
}

TEST_CASE("a handshake is decoded as it was encoded, and a truncated one is refused") {
  auto sent = node(2);
  sent.roles.push_back(role("jobs", 7));
  auto bytes = encode(sent);
  auto info = decode_node_info(bytes, wire_versions);
  REQUIRE(info.has_value());
  CHECK(info->name == "master-2");
  CHECK(info->address == "127.0.0.1:2");
  CHECK(info->folder == "folder-2");
  CHECK(info->wire == wire_versions);
  REQUIRE(info->find_role("jobs") != nullptr);
  auto& jobs = *info->find_role("jobs");
  CHECK(jobs.replica == 7);
  CHECK(jobs.group == sent.roles[1].group);
  CHECK(jobs.consensus == sent.roles[1].consensus);
  CHECK(jobs.mark.incarnation == 7);
  CHECK(jobs.mark.short_of_space);
  CHECK(info->find_role("job") == nullptr);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(
        decode_node_info(std::string_view{bytes}.substr(0, size), wire_versions).has_value());
}

TEST_CASE("a handshake with more roles than a node may have is refused") {
  auto sent = node(2);
  while (sent.roles.size() < roles_max)
    sent.roles.push_back(role("jobs", 1));
  CHECK(decode_node_info(encode(sent), wire_versions).has_value());
  sent.roles.push_back(role("jobs", 1));
  CHECK_FALSE(decode_node_info(encode(sent), wire_versions).has_value());
  sent.roles = {role(std::string(role_name_bytes_max + 1, 'x'), 1)};
  CHECK_FALSE(decode_node_info(encode(sent), wire_versions).has_value());
}

TEST_CASE("the answer to a handshake names the refused roles, and a truncated one is refused") {
  handshake_response sent{node(1), {{"jobs", {atl::errc::corrupt, "an older copy"}}}};
  auto bytes = encode(sent);
  auto response = decode_handshake_response(bytes, wire_versions);
  REQUIRE(response.has_value());
  CHECK(response->self.name == "master-1");
  REQUIRE(response->refused.size() == 1);
  CHECK(response->refused[0].role == "jobs");
  CHECK(response->refused[0].why.code == atl::errc::corrupt);
  CHECK(response->refused[0].why.message == "an older copy");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_handshake_response(std::string_view{bytes}.substr(0, size), wire_versions)
                    .has_value());
}

TEST_CASE("who asks for a role that a node doesn't have is told which it has, and the nearest") {
  auto here = node(1);
  here.roles.push_back(role("storage", 0));
  auto text = describe_missing_role(here, "mastre");
  CHECK(text == "master-1: this node doesn't have the role 'mastre'; it has: master, storage; did "
                "you mean 'master'?");
  CHECK(describe_missing_role(here, "jobs") ==
        "master-1: this node doesn't have the role 'jobs'; it has: master, storage");
  here.roles.clear();
  CHECK(describe_missing_role(here, "jobs").find("it has no role") != std::string::npos);
}

TEST_CASE("nodes whose wire versions meet read each other, others are refused with both ranges") {
  auto newer = node(2);
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
  auto newer = node(2);
  newer.wire = {7, 8};
  auto read = decode_node_info(encode(newer) + "a new field", {7, 7});
  REQUIRE(read.has_value());
  CHECK(read->name == "master-2");
  CHECK_FALSE(decode_node_info(encode(newer) + "a new field", {7, 8}).has_value());
  auto answer = encode(handshake_response{newer, {}}) + "a new field";
  CHECK(decode_handshake_response(answer, {7, 7}).has_value());
  CHECK_FALSE(decode_handshake_response(answer, {7, 8}).has_value());
}

TEST_CASE("digests of different clusters and groups differ") {
  auto mine = node(1);
  auto other = mine;
  auto group = [](const node_info& it) { return group_digest(it, it.roles[0]); };
  other.roles[0].consensus.plugin = "paxos";
  CHECK(cluster_digest(mine) == cluster_digest(other));
  CHECK(group(mine) != group(other));
  other = mine;
  other.roles[0].group = "another";
  CHECK(group(mine) != group(other));
  other = mine;
  other.cluster = "lagoon";
  CHECK(cluster_digest(mine) != cluster_digest(other));
  CHECK(group(mine) != group(other));
}

TEST_CASE("digests of compatible nodes are equal") {
  auto mine = node(1);
  auto other = mine;
  other.wire.max += 1;
  other.roles[0].consensus.version = "1.0.1";
  other.roles[0].consensus.protocol_versions.max += 1;
  other.roles[0].consensus.agreed["added"] = {"1", true};
  REQUIRE(master_incompatibility(mine, node(2)).empty());
  CHECK(cluster_digest(mine) == cluster_digest(other));
  CHECK(group_digest(mine, mine.roles[0]) == group_digest(other, other.roles[0]));
}

TEST_CASE("a heartbeat carries the marks of all replicas, and whether their disks are short of "
          "space") {
  auto bytes = encode_marks({{"master", 3, {7, 8, 9, true}}, {"jobs", 1, {1, 2, 3, false}}});
  auto told = decode_marks(bytes);
  REQUIRE(told.has_value());
  REQUIRE(told->size() == 2);
  CHECK((*told)[0].role == "master");
  CHECK((*told)[0].replica == 3);
  CHECK((*told)[0].mark.incarnation == 7);
  CHECK((*told)[0].mark.term == 8);
  CHECK((*told)[0].mark.entry == 9);
  CHECK((*told)[0].mark.short_of_space);
  CHECK((*told)[1].role == "jobs");
  CHECK_FALSE((*told)[1].mark.short_of_space);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_marks(std::string_view{bytes}.substr(0, size)).has_value());
  CHECK_FALSE(decode_marks("neither this").has_value());
}

TEST_CASE("the version of a description is decoded as it was encoded; other bytes tell none") {
  auto bytes = encode_description_version(7);
  CHECK(decode_description_version(bytes) == 7);
  CHECK_FALSE(decode_description_version({}).has_value()); // of a node that tells none
  CHECK_FALSE(decode_description_version(bytes.substr(1)).has_value());
  CHECK_FALSE(decode_description_version(bytes + "x").has_value());
}
