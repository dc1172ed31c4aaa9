#pragma once

#include "storage/storage_limits.hpp"

#include <chrono>
#include <cstddef>

namespace dfs {

/// Bytes of the body of a request or reply, without the data that may follow.
inline constexpr std::size_t max_frame_body = 64 * 1024;
inline constexpr std::size_t max_cluster_name = 255;
inline constexpr std::size_t max_node_name = 255;
inline constexpr std::size_t max_host_name = 253;
inline constexpr std::size_t max_token_size = 512;
inline constexpr std::size_t max_error_text = 1024;
inline constexpr std::size_t max_write_targets = 32;

/// Data is written in batches of so many blocks, each batch after its checksums. A storage node
/// holds two batches: one arrives while the other is stored and forwarded.
inline constexpr std::size_t blocks_per_batch = 8;
inline constexpr std::size_t batch_size = blocks_per_batch * block_size;

/// Bound of a request's total time, even if its data arrives steadily.
inline constexpr std::chrono::seconds max_request_time{120};

/// How long a refused peer may continue to send, so that it reads the refusal before its connection
/// is closed.
inline constexpr std::chrono::milliseconds linger_time{1000};
inline constexpr std::size_t max_lingering = 64;

/// How long a node reports that it is still working on a request that waits for its disk. If the
/// disk takes longer, the node counts as one that doesn't answer.
inline constexpr std::chrono::seconds max_working_time{20};

/// Idle connections that a storage node keeps to each other node, and how long it keeps them: for
/// less time than the other node does.
inline constexpr std::size_t max_idle_links = 8;
inline constexpr std::chrono::seconds max_link_idle_time{5};

} // namespace dfs
