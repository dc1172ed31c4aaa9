#pragma once

#include <cstddef>

/// Every limit of the runtime, in one place.
namespace atl::runtime {

/// A message between nodes. Bulk data doesn't travel here.
inline constexpr std::size_t message_bytes_max = 8 << 20;
/// A command for the replicated log.
inline constexpr std::size_t command_bytes_max = 7 << 20;
/// Bytes under way to one peer before further messages are dropped: CAF's own buffer has no bound.
inline constexpr std::size_t link_bytes_max = 32 << 20;
/// Proposals and reads that a replica works on at once; more are answered "busy".
inline constexpr std::size_t replica_requests_max = 8192;
/// Entries decided and not yet applied before a replica takes no more proposals.
inline constexpr std::size_t replica_backlog_max = 65536;

} // namespace atl::runtime
