#pragma once

#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every limit of the runtime, in one place.
namespace atl::runtime {

/// A message between nodes: a message of a consensus protocol with its envelope. Bulk data is sent
/// over other connections.
inline constexpr std::size_t message_bytes_max = spi::message_bytes_max + 4096;
/// A command for the replicated log.
inline constexpr std::size_t command_bytes_max = spi::command_bytes_max;
/// Calls of one client in one message, and answers in one message.
inline constexpr std::size_t calls_together_max = 4096;
/// Bytes of calls or answers after which a message is sent and another one begun.
inline constexpr std::size_t calls_together_bytes = 1 << 20;
/// Bytes that wait to be sent over one connection, above which messages are dropped.
inline constexpr std::size_t connection_bytes_max = 32 << 20;
/// Connections to a control port: half of the descriptors that the process may have, within these
/// bounds.
inline constexpr std::size_t control_connections_min = 32;
inline constexpr std::size_t control_connections_max = 16384;
/// A client connects to the next replica as well when the one before isn't connected after so long
/// (the idea of RFC 8305).
inline constexpr std::chrono::milliseconds client_race_delay{100};
/// A client pings a replica that it has heard nothing of for so long while calls are under way, and
/// turns to others when the ping isn't answered in time either.
inline constexpr std::chrono::milliseconds client_ping_delay{50};
inline constexpr std::chrono::milliseconds client_ping_timeout{75};
/// Commands, and likewise reads, under way at a replica; further ones are answered `busy`.
inline constexpr std::size_t replica_requests_max = 8192;
/// Entries committed and not yet applied above which a replica answers commands `busy`.
inline constexpr std::size_t replica_backlog_max = 65536;

/// The size of one read of a transferred file, and the connections that a node serves at once.
inline constexpr std::size_t file_piece_bytes = 256 << 10;
inline constexpr std::size_t file_sessions_max = 32;
/// Threads of a node that read files which are transferred from the disk.
inline constexpr std::size_t file_disk_threads_max = 4;
/// A connection of a file transfer without progress for so long is closed.
inline constexpr std::chrono::seconds file_idle_timeout{30};

inline constexpr std::size_t snapshot_files_max = 100'000;
inline constexpr std::uint64_t snapshot_bytes_max = std::uint64_t{1} << 40; ///< of one file
inline constexpr std::size_t snapshot_blob_bytes_max = 1 << 20;
/// A transfer of a snapshot without progress for so long fails.
inline constexpr std::chrono::seconds snapshot_idle_timeout{30};
/// The parts of a failed transfer are kept for so long, in case the snapshot is offered again.
inline constexpr std::chrono::minutes snapshot_parts_retention{30};
/// Replicas that a replica keeps connections to: those of the configuration, and those that joined
/// later.
inline constexpr std::size_t replica_connections_max = 64;
/// Replicas of all times that one may name: those of the configuration and those that were
/// admitted.
inline constexpr std::size_t known_replicas_max = 256;

/// Roles of one node, and the length of the name of each.
inline constexpr std::size_t roles_max = 16;
inline constexpr std::size_t role_name_bytes_max = 32;
/// Deferred calls that a node is working on; further ones are answered `busy`.
inline constexpr std::size_t deferred_calls_max = 1024;
/// Of these, calls that came over one connection.
inline constexpr std::size_t deferred_calls_per_requester_max = 256;
/// Plugins in a node's inventory.
inline constexpr std::size_t inventory_max = 256;
/// Connections that a `node_client` keeps; a further one closes one that isn't in use.
inline constexpr std::size_t node_client_connections_max = 64;

} // namespace atl::runtime
