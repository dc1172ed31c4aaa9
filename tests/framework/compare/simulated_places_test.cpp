#include "compare/simulated_places.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

using namespace atl::compare;

namespace {

simulated_places spread(const durability_model& model, std::uint32_t fragments,
                        std::uint32_t zone_limit) {
  atl::spi::random_source random{3};
  return spread_chunks(model, fragments, zone_limit, random);
}

durability_model cluster(chunk_spread how) {
  durability_model it;
  it.nodes = 12;
  it.zones = 3;
  it.chunks = 3000;
  it.spread = how;
  return it;
}

/// The sets of nodes that share chunks; checks that each has different nodes and keeps to zones.
std::set<std::set<std::uint32_t>> sets_of(const simulated_places& it, std::uint32_t zones,
                                          std::uint32_t zone_limit) {
  std::set<std::set<std::uint32_t>> sets;
  for (std::size_t chunk = 0; chunk < it.group_of.size(); ++chunk) {
    std::set<std::uint32_t> nodes;
    std::map<std::uint32_t, std::uint32_t> in_zone;
    for (std::uint32_t i = 0; i < it.fragments; ++i) {
      auto node = it.node_of[chunk * it.fragments + i];
      nodes.insert(node);
      ++in_zone[node % zones];
    }
    REQUIRE(nodes.size() == it.fragments);
    for (auto& [zone, count] : in_zone)
      REQUIRE(count <= zone_limit);
    sets.insert(nodes);
  }
  return sets;
}

} // namespace

TEST_CASE("chunks that are spread at random use all sets of nodes within zones, and all nodes") {
  auto it = spread(cluster(chunk_spread::random), 3, 1);
  CHECK(sets_of(it, 3, 1).size() == 64); // a node of each zone
  CHECK(it.groups == 1);
  std::map<std::uint32_t, int> first_fragments;
  for (std::uint32_t node = 0; node < 12; ++node) {
    CHECK(it.held[node].size() > 600);
    for (auto& held : it.held[node]) {
      CHECK(it.node_of[held.chunk * 3 + held.fragment] == node);
      first_fragments[node] += held.fragment == 0 ? 1 : 0;
    }
    CHECK(first_fragments[node] > 180); // no node has the same fragment of all chunks
  }
}

TEST_CASE("copysets are few sets of nodes, in different zones") {
  auto model = cluster(chunk_spread::copysets);
  model.scatter_width = 4; // two permutations of four sets
  auto it = spread(model, 3, 1);
  CHECK(it.groups == 8);
  CHECK(sets_of(it, 3, 1).size() <= 8);
  CHECK(sets_of(it, 3, 1).size() >= 7); // two may be equal by chance
}

TEST_CASE("a scheme gets all its nodes where zones are too few for its limit") {
  auto model = cluster(chunk_spread::random);
  model.nodes = 5;
  model.zones = 4;
  model.chunks = 10;
  CHECK(sets_of(spread(model, 5, 1), 4, 2).size() == 1);
}
