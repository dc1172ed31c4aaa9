#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace atl::keep {

/// What an operator decides about the upkeep of data. May change while a keeper works.
struct keeper_settings {
  using duration = std::chrono::microseconds;

  /// A node that was silent for so long is down: it gets no orders and is no source.
  duration down_after{2'000'000};
  /// A node that was silent for so long counts as lost for good. Not less than `down_after`.
  duration dead_after{600'000'000};
  /// A node is suspected once its silence is that improbable (`failure_detector`).
  double suspect_phi = 8;
  /// How long what a relocation left behind stays readable for clients that know the old place.
  duration grace{60'000'000};
  /// The longest time between two audits of a node.
  duration audit_period{6LL * 3600 * 1'000'000};
  /// The least time between two audits of a node while the state changes.
  duration audit_pause{10'000'000};

  // Bytes a second that repairs, drains and rebalancing may copy; 0: any number.
  std::uint64_t repair_rate = 0; ///< in the whole cluster
  /// In the whole cluster, besides `repair_rate`, for units that the next loss would destroy.
  std::uint64_t danger_rate = 0;
  std::uint64_t node_rate = 0;      ///< to each node
  std::uint64_t rebalance_rate = 0; ///< in the whole cluster, within `repair_rate`

  /// A node whose use exceeds the mean by more than this share of its capacity is relieved; 0: none
  /// is.
  double rebalance_threshold = 0;

  std::uint32_t streams_in = 4;  ///< fragments that a node receives at a time
  std::uint32_t streams_out = 4; ///< fragments that a node sends at a time

  friend bool operator==(const keeper_settings&, const keeper_settings&) = default;
};

// Bounds of a keeper's memory and messages.
inline constexpr std::size_t tasks_max = 4096;           ///< tasks under way
inline constexpr std::size_t queued_units_max = 100'000; ///< beyond, the state is searched again
inline constexpr std::uint32_t page_units_max = 1000;
inline constexpr std::size_t known_ids_max = 250; ///< ids in one query
inline constexpr std::size_t slice_fragments_max = 2000;
inline constexpr std::size_t relocations_max = 250;      ///< in one command
inline constexpr std::size_t exceptions_max = 100'000;   ///< known damaged or missing fragments
inline constexpr std::size_t removals_a_node_max = 2000; ///< ordered and not yet carried out

} // namespace atl::keep
