#pragma once

#include <atoll/compare/durability_model.hpp>
#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <functional>

namespace atl::compare {

/// What happened in the runs of one scheme.
struct durability_counts {
  std::uint64_t runs = 0;
  std::uint64_t runs_with_loss = 0;
  std::uint64_t chunks_lost = 0;
  std::uint64_t failures = 0;       ///< of nodes, and of zones
  std::uint64_t zone_failures = 0;  ///< of these
  std::uint64_t fatal_failures = 0; ///< failures with which a chunk was lost
  double rebuilt_bytes = 0;         ///< received by nodes to rebuild fragments
};

/// Simulates failures of nodes and zones, and the repairs that follow, in `model.runs` runs. Equal
/// arguments give equal results.
///
/// Nodes fail independently, with exponential times. After `detection` the fragments of a failed
/// node are rebuilt, those first whose chunk can spare the fewest further losses as the scheme
/// judges, at what the receiving nodes may receive: spread at random, these are all other nodes
/// together, or those of its zone where all zones have as many fragments of each chunk as they may;
/// with copysets, one node for each set. A rebuilt fragment counts as held by its old
/// place, where an empty node stands: it fails at the same rate as all others. A chunk is lost when
/// the scheme can't read it from the fragments that are left; once all others are whole, something
/// else is written in its place.
///
/// The nodes of a zone fail together: for good like single nodes, or for `zone_outage`, after which
/// they return with all that was not made anew on other nodes meanwhile. What is away isn't lost,
/// but can't be read for repairs.
///
/// Chunks are looked at one by one only while failures of several nodes overlap.
/// @param on_progress called often; may be empty
/// @pre the scheme has at most 64 fragments, and the cluster nodes for them. Exceptions of the
/// scheme are passed on.
durability_counts run_durability(const durability_model& model, const spi::recovery& scheme,
                                 std::uint64_t seed, const std::function<void()>& on_progress = {});

} // namespace atl::compare
