#pragma once

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/options.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace atl::paxos {

/// How many voters must promise, and how many must accept; 0: as many as it takes. They needn't be
/// majorities: it is enough that each quorum of the one kind meets each of the other (Howard,
/// Malkhi, Spiegelman, *Flexible Paxos*, 2016).
struct quorum_sizes {
  std::uint16_t prepare = 0;
  std::uint16_t accept = 0;

  std::size_t to_prepare(std::size_t voters) const;
  std::size_t to_accept(std::size_t voters) const;
  /// @returns why a group of so many voters can't have them; empty: it can.
  std::string refusal(std::size_t voters) const;
  friend bool operator==(const quorum_sizes&, const quorum_sizes&) = default;
};

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
  quorum_sizes quorums;
};

/// @throws std::invalid_argument with a sentence when options contradict each other.
config read_config(const spi::options& options);

/// A command larger than this is refused.
inline constexpr std::size_t max_command_bytes = std::size_t{16} << 20;
/// Voters and learners that a group may have: a leader has a bit for each, of the group before a
/// change and of the one behind it.
inline constexpr std::size_t max_members = 32;
/// How far ahead of what is committed here an entry may stand; `max_in_flight` is at most this.
inline constexpr std::uint64_t ahead_max = 65536;

} // namespace atl::paxos
