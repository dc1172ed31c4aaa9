#pragma once

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/options.hpp>

#include <cstddef>
#include <cstdint>

namespace atl::two_phase {

/// What a coordinator does with an index that every participant has prepared and whose decision was
/// lost with a disk: a client may have been told either outcome.
enum class lost_decision : std::uint8_t { block, commit, abort };

/// The validated options.
struct config {
  spi::timestamp heartbeat{};
  spi::timestamp failure_timeout{};
  spi::timestamp vote_timeout{};
  spi::timestamp read_timeout{};
  std::size_t batch_bytes = 0;
  std::size_t keep_bytes = 0;
  std::size_t log_bytes = 0;
  std::uint64_t in_flight_max = 0;
  std::uint64_t keep_entries = 0;
  lost_decision lost_decisions = lost_decision::block;

  /// Number of indexes after `decided` that a message may name; bounds what a malformed message can
  /// make a replica allocate.
  std::uint64_t window() const { return 4 * in_flight_max + 64; }
};

/// @throws std::invalid_argument naming the options that contradict each other.
config read_config(const spi::options& options);

/// A larger command is refused.
inline constexpr std::size_t command_bytes_max = std::size_t{16} << 20;
/// Each open index keeps one bit for each voter; during a change, old and new voters count
/// together.
inline constexpr std::size_t voters_max = 64;
inline constexpr std::size_t learners_max = 64;
/// Number of replicas that may be declared lost during the lifetime of a group.
inline constexpr std::size_t lost_max = 256;
/// Number of peers tracked, whether members or not.
inline constexpr std::size_t peers_max = 256;
/// Size limit of the reason that a participant's no vote carries to the client.
inline constexpr std::size_t reason_bytes_max = 512;

} // namespace atl::two_phase
