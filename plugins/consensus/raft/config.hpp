#pragma once

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/options.hpp>

#include <cstddef>
#include <cstdint>

namespace atl::raft {

/// The options, checked.
struct config {
  spi::timestamp heartbeat{};
  spi::timestamp election_timeout{}; ///< at least; jitter adds up to as much again
  spi::timestamp read_timeout{};
  std::size_t batch_bytes = 0;
  std::size_t window_bytes = 0;
  std::size_t keep_bytes = 0;
  std::size_t log_bytes = 0;
  std::uint64_t max_in_flight = 0;
  std::uint64_t keep_entries = 0;
  bool lease = false;
  std::uint64_t clock_drift_ppm = 0; ///< by which one replica's clock may run faster than another's

  /// How long a leader may rely on a promise of `time` that another one counts by its own clock.
  spi::timestamp shortened(spi::timestamp time) const;
};

/// @throws std::invalid_argument with a sentence when options contradict each other.
config read_config(const spi::options& options);

/// A command larger than this is refused.
inline constexpr std::size_t max_command_bytes = std::size_t{16} << 20;
/// Voters and learners that a group may have.
inline constexpr std::size_t max_members = 64;

} // namespace atl::raft
