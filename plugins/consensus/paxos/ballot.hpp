#pragma once

#include <atoll/spi/consensus.hpp>

#include <cstdint>

namespace atl::paxos {

/// A round and the replica that owns the ballot, in one number: ordered by round, then by replica,
/// so that no two replicas share a ballot. 0: none.
using ballot = std::uint64_t;

/// Each election raises the round by one. A ballot that is further ahead than this is malformed,
/// and following it would use up the numbers.
inline constexpr std::uint64_t rounds_ahead_max = std::uint64_t{1} << 24;

constexpr ballot make_ballot(std::uint64_t round, spi::replica_id owner) {
  return (round << 32) | owner;
}
constexpr std::uint64_t round_of(ballot it) {
  return it >> 32;
}
constexpr spi::replica_id owner_of(ballot it) {
  return static_cast<spi::replica_id>(it);
}

} // namespace atl::paxos
