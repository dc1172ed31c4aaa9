#pragma once

#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace atl::copies {

/// A copy on a node: the copy's index and the node.
struct place {
  std::uint32_t copy = 0;
  std::uint64_t node = 0;

  friend auto operator<=>(const place&, const place&) = default;
};

/// The state of a chunk of `copies` whole copies, each on a separate node, as a report shows it.
/// Accepts any report: with unreachable copies, unknown or repeated indexes, or several copies on
/// one node.
struct diagnosis {
  std::vector<place> good;            ///< readable copies, by index, then node
  std::vector<place> damaged;         ///< corrupt copies
  std::vector<place> surplus;         ///< superfluous good copies, to be dropped
  std::vector<std::uint32_t> wanting; ///< copies without a good place of their own
  std::vector<std::uint64_t> holders; ///< the nodes with a good copy, each once, ascending

  bool readable() const { return !holders.empty(); }
  bool healthy() const {
    return readable() && wanting.empty() && surplus.empty() && damaged.empty();
  }
  /// How many nodes with a copy can be lost without losing the last copy.
  std::uint32_t spare() const {
    return readable() ? static_cast<std::uint32_t>(holders.size() - 1) : 0;
  }
};

diagnosis diagnose(std::span<const spi::fragment_report> fragments, std::uint32_t copies);

} // namespace atl::copies
