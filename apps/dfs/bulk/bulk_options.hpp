#pragma once

#include "bulk/bulk_limits.hpp"
#include "common/chunk_id.hpp"
#include "storage/chunk_writer.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace dfs {

struct bulk_timeouts {
  std::chrono::milliseconds connect{1000};  ///< for resolving the name and connecting
  std::chrono::milliseconds progress{2000}; ///< the longest time without a byte moving
};

/// How to talk to a storage node's bulk port.
struct bulk_options {
  std::string cluster; ///< what the node must belong to too; ≤ max_cluster_name
  std::string token;   ///< the capability to show, opaque to this layer; ≤ max_token_size
  bulk_timeouts timeouts;
};

/// One node of a write, and what it stores.
struct write_target {
  std::string node; ///< its name, for results; ≤ max_node_name
  atl::endpoint at;
  std::uint32_t fragment = 0;
};

/// What became of one target of a write.
struct target_result {
  std::string node;
  atl::status outcome;
};

} // namespace dfs
