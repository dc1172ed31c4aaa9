#pragma once

#include "../common/leader_options.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

namespace atl::paxos {

/// Voters and learners that a group may have: a leader has a bit for each member of the group
/// before a change and of the group after it.
inline constexpr std::size_t members_max = 32;
/// How far an entry may be ahead of what is committed here; `in_flight_max` is at most this.
inline constexpr std::uint64_t ahead_max = 65536;

/// How many voters must promise, and how many must accept; 0: derived from the other one, or a
/// majority if both are 0. They needn't be majorities: it is enough that each quorum of the one
/// kind meets each of the other (Howard, Malkhi, Spiegelman, *Flexible Paxos*, 2016).
struct quorum_sizes {
  std::uint16_t prepare = 0;
  std::uint16_t accept = 0;

  std::size_t to_prepare(std::size_t voters) const;
  std::size_t to_accept(std::size_t voters) const;
  /// @returns why a group of so many voters can't have them; empty: it can.
  std::string refusal(std::size_t voters) const;
  friend bool operator==(const quorum_sizes&, const quorum_sizes&) = default;

  static constexpr auto fields = std::tuple{&quorum_sizes::prepare, &quorum_sizes::accept};
};

/// The options, checked.
struct config : leader_based::leader_options {
  quorum_sizes quorums;
};

/// @throws std::invalid_argument with a sentence when options contradict each other.
config read_config(const spi::options& options);

} // namespace atl::paxos
