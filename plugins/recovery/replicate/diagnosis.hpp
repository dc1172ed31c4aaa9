#pragma once

#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace atl::replicate {

/// A copy on a node: which of the copies, and where.
struct place {
  std::uint32_t copy = 0;
  std::uint64_t node = 0;

  friend auto operator<=>(const place&, const place&) = default;
};

/// What a report means for a chunk that is kept as `copies` whole copies, each on a node of its
/// own. Works on reports of any shape: copies in doubt, unknown, repeated, or on one node together.
struct diagnosis {
  std::vector<place> good;            ///< all that can be read, by copy, then node
  std::vector<place> damaged;         ///< corrupt ones
  std::vector<place> surplus;         ///< good ones that no copy needs: to be dropped
  std::vector<std::uint32_t> wanting; ///< copies for which there is no good place of their own
  std::vector<std::uint64_t> holders; ///< the nodes that have a good copy, each once, in order

  bool readable() const { return !holders.empty(); }
  bool healthy() const {
    return readable() && wanting.empty() && surplus.empty() && damaged.empty();
  }
  /// How many of the nodes with a copy can be lost before the last copy is.
  std::uint32_t spare() const {
    return readable() ? static_cast<std::uint32_t>(holders.size() - 1) : 0;
  }
};

diagnosis diagnose(std::span<const spi::fragment_report> fragments, std::uint32_t copies);

} // namespace atl::replicate
