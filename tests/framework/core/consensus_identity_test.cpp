#include "contains.hpp"

#include <atoll/core/consensus_identity.hpp>
#include <atoll/core/plugin_options.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using atl::consensus_identity;
using atl::difference;
using namespace atl::spi;

namespace {

constexpr option_spec declared[] = {
    {"quorum", option_type::integer, "2", "1", "9", "unmarked, so it must agree"},
    {"window", option_type::size, "1MiB", "", "", "must agree", option_scope::group},
    {"heartbeat", option_type::duration, "100ms", "", "", "may differ", option_scope::member},
};

consensus_identity identity_with(const std::vector<std::string>& assignments) {
  descriptor plugin{.kind = plugin_kind::consensus,
                    .name = "raft",
                    .version = "1.2.3",
                    .summary = "",
                    .licence = "",
                    .protocol_versions = {2, 3},
                    .options = declared};
  auto options = atl::parse_options(declared, assignments, "raft");
  REQUIRE(options);
  return atl::identity_of(plugin, *options);
}

std::string judged(const consensus_identity& mine, const consensus_identity& theirs) {
  return difference(mine, "master-1", theirs, "master-2");
}

consensus_identity raft() {
  return {"raft", "1.0.0", {1, 1}, {{"quorum", {"2", true}}}};
}

} // namespace

TEST_CASE(
    "an identity holds the options that must agree, an unmarked one among them, and no other") {
  auto identity = identity_with({"quorum=3", "heartbeat=7ms"});
  CHECK(identity.plugin == "raft");
  CHECK(identity.version == "1.2.3");
  CHECK(identity.protocol_versions == version_range{2, 3});
  REQUIRE(identity.agreed.size() == 2);
  CHECK(identity.agreed.at("quorum") == consensus_identity::agreed_option{"3", false});
  CHECK(identity.agreed.at("window") == consensus_identity::agreed_option{"\"1MiB\"", true});
}

TEST_CASE("members with different versions of a plugin, and different options of their own, are "
          "compatible") {
  auto mine = identity_with({"heartbeat=50ms"});
  auto theirs = identity_with({"heartbeat=200ms"});
  CHECK(mine == theirs);
  theirs.version = "1.2.4";
  CHECK(judged(mine, theirs) == "");
  CHECK(judged(theirs, mine) == "");
}

TEST_CASE("members with different plugins are told which") {
  auto theirs = raft();
  theirs.plugin = "paxos";
  CHECK(judged(raft(), theirs) ==
        "master-1 runs the consensus plugin 'raft', master-2 runs 'paxos': all members of a group "
        "run the same one; name the same in both files");
}

TEST_CASE("protocol versions that meet are compatible, others are told with both") {
  auto mine = raft();
  auto theirs = raft();
  theirs.version = "2.0.0";
  theirs.protocol_versions = {1, 2};
  CHECK(judged(mine, theirs) == "");
  theirs.protocol_versions = {2, 3};
  CHECK(judged(mine, theirs) ==
        "master-1 runs raft 1.0.0, which speaks protocol version 1, master-2 runs raft 2.0.0, "
        "which speaks 2 to 3: give both a version of the plugin that speaks what the other one "
        "speaks");
  CHECK(contains(judged(theirs, mine), "raft 2.0.0, which speaks protocol version 2 to 3"));
}

TEST_CASE("an option that must agree and differs is told with both values") {
  CHECK(judged(identity_with({"quorum=3"}), identity_with({"quorum=4"})) ==
        "master-1 has the option quorum = 3 of raft, master-2 has quorum = 4: all members of a "
        "group must have the same value; write the same into both files");
}

TEST_CASE("equal values agree, whether or not they are the defaults of both plugins") {
  auto mine = raft();
  auto theirs = raft();
  theirs.agreed["quorum"].is_default = false;
  CHECK(judged(mine, theirs) == "");
  theirs.agreed["quorum"] = {"3", true}; // a version of the plugin with another default
  CHECK(contains(judged(mine, theirs), "quorum = 3"));
}

TEST_CASE("an option that only one of two versions of a plugin has must be at its default") {
  auto newer = raft();
  newer.version = "1.1.0";
  newer.agreed["fan_out"] = {"4", true};
  CHECK(judged(raft(), newer) == "");
  CHECK(judged(newer, raft()) == "");
  newer.agreed["fan_out"] = {"5", false};
  CHECK(judged(raft(), newer) ==
        "master-2 has the option fan_out = 5 of raft 1.1.0, and master-1 runs raft 1.0.0, which "
        "has no such option that members must agree on: leave the option at its default until all "
        "members run a plugin that has it");
  CHECK(contains(judged(newer, raft()), "master-1 has the option fan_out = 5 of raft 1.1.0"));
}

TEST_CASE("versions are negotiated to the highest one in common") {
  CHECK(common_version({1, 3}, {2, 5}) == 3);
  CHECK(common_version({4, 4}, {2, 5}) == 4);
  CHECK(common_version({2, 2}, {2, 2}) == 2);
  CHECK_FALSE(common_version({1, 2}, {3, 4}).has_value());
  CHECK_FALSE(common_version({3, 4}, {1, 2}).has_value());
  CHECK_FALSE(common_version({2, 1}, {1, 2}).has_value());
  CHECK(to_string(version_range{2, 2}) == "2");
  CHECK(to_string(version_range{2, 4}) == "2 to 4");
}

namespace {

std::string encoded(const consensus_identity& identity) {
  writer out;
  write(out, identity);
  return out.take();
}

} // namespace

TEST_CASE("an identity is read as it was written, and a truncated one is refused") {
  auto identity = identity_with({"quorum=3"});
  auto bytes = encoded(identity);
  reader in{bytes};
  CHECK(atl::read_consensus_identity(in) == identity);
  CHECK(in.done());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    reader part{std::string_view{bytes}.substr(0, size)};
    atl::read_consensus_identity(part);
    CHECK_FALSE(part.ok());
  }
}

TEST_CASE("an identity beyond its bounds is refused") {
  auto is_read = [](const consensus_identity& identity) {
    auto bytes = encoded(identity);
    reader in{bytes};
    atl::read_consensus_identity(in);
    return in.ok();
  };
  auto identity = raft();
  for (int i = 1; i < 256; ++i)
    identity.agreed[fmt::format("option_{}", i)] = {"1", true};
  CHECK(is_read(identity));
  identity.agreed["one_more"] = {"1", true};
  CHECK_FALSE(is_read(identity));
  for (auto text : {&consensus_identity::plugin, &consensus_identity::version}) {
    identity = raft();
    identity.*text = std::string(256, 'x');
    CHECK(is_read(identity));
    identity.*text = std::string(257, 'x');
    CHECK_FALSE(is_read(identity));
  }
  identity = raft();
  identity.agreed["quorum"].value = std::string((16 << 10) + 1, 'x');
  CHECK_FALSE(is_read(identity));
  identity = raft();
  identity.agreed[std::string(257, 'x')] = {"1", true};
  CHECK_FALSE(is_read(identity));
}
