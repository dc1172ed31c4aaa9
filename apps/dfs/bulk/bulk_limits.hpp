#pragma once

#include "storage/storage_limits.hpp"

#include <chrono>
#include <cstddef>

namespace dfs {

/// Bytes of the body of a request or reply, without the data that may follow.
inline constexpr std::size_t frame_body_bytes_max = 64 * 1024;
inline constexpr std::size_t node_name_bytes_max = 255;
inline constexpr std::size_t host_name_bytes_max = 253;
inline constexpr std::size_t token_bytes_max = 512;
inline constexpr std::size_t error_text_bytes_max = 1024;
inline constexpr std::size_t write_targets_max = 32;

/// Data is written in batches of so many blocks, each batch after its checksums. A storage node
/// holds two batches: one arrives while the other is stored and forwarded.
inline constexpr std::size_t blocks_per_batch = 8;
inline constexpr std::size_t batch_size = blocks_per_batch * block_size;

/// Bound of a request's total time, even if its data arrives steadily.
inline constexpr std::chrono::seconds request_time_max{120};

/// How long a refused peer may continue to send, so that it reads the refusal before its connection
/// is closed.
inline constexpr std::chrono::milliseconds linger_time{1000};

/// The part of a node's connections that clients leave to other nodes: otherwise clients that hold
/// all connections of all nodes would keep the nodes from forwarding these clients' own writes.
inline constexpr std::size_t connections_per_reserved = 4;

/// How long a node reports that it is still working on a request that waits for its disk. If the
/// disk takes longer, the node counts as one that doesn't answer.
inline constexpr std::chrono::seconds working_time_max{20};

/// Threads of a storage node that serve its connections; fewer on a machine of fewer processors.
inline constexpr unsigned server_io_threads_max = 4;
/// Threads of a storage node that wait for its disk: for reads, and for writes and copies, so that
/// no read waits until writes are synced.
inline constexpr std::size_t disk_read_threads_max = 16;
inline constexpr std::size_t disk_write_threads_max = 64;
/// Buffers of `batch_size` that a storage node keeps for the writes to come.
inline constexpr std::size_t batches_kept_max = 32;

/// Idle connections that a storage node keeps to each other node, and how long it keeps them: for
/// less time than the other node does, which therefore has not closed them yet.
inline constexpr std::size_t idle_links_max = 8;
inline constexpr std::chrono::seconds link_idle_time_max{5};

} // namespace dfs
