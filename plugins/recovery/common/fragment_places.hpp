#pragma once

#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace atl::coded {

/// Where one fragment of a chunk is.
struct fragment_places {
  std::vector<std::uint64_t> good;    ///< nodes that have it in order, ascending
  std::vector<std::uint64_t> damaged; ///< nodes where it is damaged, ascending
};

/// Sorts a report by fragment. Accepts any report: fragments with an index of `total` or above are
/// left out, and of contradicting reports of one fragment on one node the worse counts, in the
/// order of `fragment_state`, so that a fragment that may be out of reach is neither read nor
/// dropped.
/// @returns `total` entries
std::vector<fragment_places> places_of(const spi::chunk_report& report, std::uint32_t total);

/// Is each fragment in order in one place, and nothing damaged?
bool are_in_order(std::span<const fragment_places> places);

/// Steps that drop damaged and surplus fragments.
void drop_leftovers(std::uint64_t chunk, std::span<const fragment_places> places,
                    std::vector<spi::repair_step>& steps);

} // namespace atl::coded
