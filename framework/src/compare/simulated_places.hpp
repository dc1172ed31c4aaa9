#pragma once

#include <atoll/compare/durability_model.hpp>
#include <atoll/spi/random.hpp>
#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace atl::compare {

/// A fragment that a node holds.
struct held_fragment {
  std::uint32_t chunk = 0;
  std::uint32_t fragment = 0;
};

/// Which node holds which fragments.
struct simulated_places {
  std::uint32_t fragments = 1;         ///< of each chunk
  std::vector<std::uint32_t> node_of;  ///< of fragment i of chunk c at c x `fragments` + i
  std::vector<std::uint32_t> group_of; ///< of each chunk the set of nodes; 0 if spread at random
  std::uint32_t groups = 1;
  std::vector<std::vector<held_fragment>> held; ///< by node
};

/// Spreads chunks over the nodes of a cluster. Node i is in zone i mod `zones`; a zone gets at most
/// `zone_limit` fragments of a chunk, unless its set then had too few nodes.
/// @pre the cluster has at least `fragments` nodes
simulated_places spread_chunks(const durability_model& model, std::uint32_t fragments,
                               std::uint32_t zone_limit, spi::random_source& random);

/// The places of a scheme's chunks for a seed.
simulated_places places_of(const durability_model& model, const spi::recovery& scheme,
                           std::uint64_t seed);

} // namespace atl::compare
