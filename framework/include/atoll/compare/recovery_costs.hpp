#pragma once

#include <atoll/spi/recovery.hpp>

#include <cstdint>

namespace atl::compare {

/// Bytes that are read for each byte that a reader wants.
struct read_costs {
  double whole = 0;     ///< with all fragments
  double one_away = 0;  ///< without the fragment that would be read first
  double most_away = 0; ///< likewise, again and again, until `survives_losses` fragments are away
};

/// What a scheme costs, as it says itself for chunks of one size.
struct recovery_costs {
  double stored = 0;        ///< bytes stored for each byte of data
  double rebuild_reads = 0; ///< bytes read for each byte rebuilt, on average over the fragments
  double rebuild_bytes = 0; ///< bytes read to rebuild one fragment, on average
  read_costs small_read;    ///< 4 KiB, or the chunk if that is smaller, on average over the chunk
  read_costs chunk_read;    ///< the whole chunk
};

/// A cost is infinite if the scheme finds no way to read. @pre the scheme has at most 64 fragments
recovery_costs measure_costs(const spi::recovery& scheme, std::uint64_t chunk_bytes);

/// The share of all sets of so many lost fragments that a chunk survives. Below 0: there are too
/// many sets to try all.
double survived_share(const spi::recovery& scheme, std::uint32_t losses);

} // namespace atl::compare
