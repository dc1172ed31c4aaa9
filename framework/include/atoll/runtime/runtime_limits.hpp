#pragma once

#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every limit of the runtime, in one place.
namespace atl::runtime {

/// A message between nodes: one of a consensus protocol, and the address around it. Bulk data
/// doesn't travel here.
inline constexpr std::size_t message_bytes_max = spi::message_bytes_max + 4096;
/// A command for the replicated log.
inline constexpr std::size_t command_bytes_max = spi::command_bytes_max;
/// Calls of one client that come together in one message, and answers that go back so.
inline constexpr std::size_t calls_together_max = 4096;
/// Bytes after which calls or answers that go together are sent.
inline constexpr std::size_t calls_together_bytes = 1 << 20;
/// Bytes under way to one peer before further messages are dropped: CAF's own buffer has no bound.
inline constexpr std::size_t connection_bytes_max = 32 << 20;
/// Bytes of unanswered messages after which a connection sends a ping to learn whether they
/// arrived.
inline constexpr std::size_t connection_confirm_bytes = 1 << 20;
/// Proposals and reads that a replica works on at once; more are answered "busy".
inline constexpr std::size_t replica_requests_max = 8192;
/// Entries committed and not yet applied before a replica takes no more proposals.
inline constexpr std::size_t replica_backlog_max = 65536;

/// Files go between nodes in pieces of this size, over so many connections to one node at most.
inline constexpr std::size_t file_piece_bytes = 256 << 10;
inline constexpr std::size_t file_sessions_max = 32;
/// A connection on which nothing moves for so long is closed.
inline constexpr std::chrono::seconds file_idle_timeout{30};

inline constexpr std::size_t snapshot_files_max = 100'000;
inline constexpr std::uint64_t snapshot_bytes_max = std::uint64_t{1} << 40; ///< of one file
inline constexpr std::size_t snapshot_blob_bytes_max = 1 << 20;
/// A snapshot that hasn't moved for so long is given up.
inline constexpr std::chrono::seconds snapshot_idle_timeout{30};
/// What came of one is kept for so long, in case that it is offered again.
inline constexpr std::chrono::minutes snapshot_parts_retention{30};
/// Masters that a replica keeps connections to: those of the configuration, and those that came
/// since.
inline constexpr std::size_t replica_connections_max = 64;

} // namespace atl::runtime
