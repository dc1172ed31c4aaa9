#pragma once

#include "storage/storage_limits.hpp"

#include <chrono>
#include <cstddef>

namespace dfs {

/// A request or reply, without the data that may follow it.
inline constexpr std::size_t max_frame_body = 64 * 1024;
inline constexpr std::size_t max_cluster_name = 255;
inline constexpr std::size_t max_node_name = 255;
inline constexpr std::size_t max_host_name = 253;
inline constexpr std::size_t max_token_size = 512;
inline constexpr std::size_t max_error_text = 1024;
inline constexpr std::size_t max_write_targets = 32;

/// Data is written in batches of so many blocks, behind their checksums. A storage node holds two:
/// one arrives while the other is stored and passed on.
inline constexpr std::size_t blocks_per_batch = 8;
inline constexpr std::size_t batch_size = blocks_per_batch * block_size;

/// However steadily it trickles in, no request takes longer than this.
inline constexpr std::chrono::seconds max_request_time{120};

/// How long a refused peer may go on sending what it had under way, so that it reads the refusal
/// before its connection breaks.
inline constexpr std::chrono::milliseconds linger_time{1000};
inline constexpr std::size_t max_lingering = 64;

/// How long a node tells its peers that it is still at work on a request that waits for its disk.
/// A disk that takes longer counts as a node that doesn't answer.
inline constexpr std::chrono::seconds max_working_time{20};

/// Idle connections that a storage node keeps to each other node, and for how long: less than that
/// node keeps them.
inline constexpr std::size_t max_idle_links = 8;
inline constexpr std::chrono::seconds max_link_idle_time{5};

} // namespace dfs
