#pragma once

#include "../common/leader_options.hpp"
#include "../common/members.hpp"

#include <cstddef>
#include <cstdint>

namespace atl::raft {

/// Voters and learners that a group may have.
inline constexpr std::size_t members_max = leader_based::voters_max;

/// The options, checked.
struct config : leader_based::leader_options {
  bool lease = false;
  std::uint64_t clock_drift_ppm = 0; ///< by which one replica's clock may run faster than another's

  /// How long a leader may rely on a promise of `time` that a voter measures by its own clock.
  spi::timestamp shortened(spi::timestamp time) const;
};

/// @throws std::invalid_argument with a sentence when options contradict each other.
config read_config(const spi::options& options);

} // namespace atl::raft
