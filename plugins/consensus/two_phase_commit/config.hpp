#pragma once

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/options.hpp>

#include <cstddef>
#include <cstdint>

namespace atl::two_phase {

/// What a coordinator does with an index that every participant has prepared, when the decision
/// was lost with its disk: both outcomes may have been told to somebody.
enum class lost_decision : std::uint8_t { block, commit, abort };

/// The options, checked.
struct config {
  spi::timestamp heartbeat{};
  spi::timestamp failure_timeout{};
  spi::timestamp vote_timeout{};
  spi::timestamp read_timeout{};
  std::size_t batch_bytes = 0;
  std::size_t keep_bytes = 0;
  std::size_t log_bytes = 0;
  std::uint64_t max_in_flight = 0;
  std::uint64_t keep_entries = 0;
  lost_decision lost_decisions = lost_decision::block;

  /// How far beyond the decided prefix a message may reach: what a stranger can make us allocate.
  std::uint64_t window() const { return 4 * max_in_flight + 64; }
};

/// @throws std::invalid_argument with a sentence when options contradict each other.
config read_config(const spi::options& options);

/// A command larger than this is refused.
inline constexpr std::size_t max_command_bytes = std::size_t{16} << 20;
/// One bit a voter is kept with each open index; a change counts old and new ones.
inline constexpr std::size_t max_voters = 64;
inline constexpr std::size_t max_learners = 64;
/// Replicas whose loss was declared, in the incarnation of a group.
inline constexpr std::size_t max_lost = 256;
/// Other replicas that are remembered, members or not.
inline constexpr std::size_t max_peers = 256;
/// The longest reason that is carried from a participant to a client.
inline constexpr std::size_t max_reason_bytes = 512;

} // namespace atl::two_phase
