#pragma once

#include "bulk/bulk_limits.hpp"
#include "common/chunk_id.hpp"
#include "storage/chunk_writer.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/net/cluster_secret.hpp>
#include <atoll/net/handshake.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace dfs {

struct bulk_timeouts {
  std::chrono::milliseconds connect{1000};  ///< for name server, connection and handshake
  std::chrono::milliseconds progress{2000}; ///< the longest time without a byte moving
};

/// Options of a client's connection to a storage node's bulk port.
struct bulk_options {
  /// The caller's identity; the node must belong to the same cluster. Plane and protocol version
  /// are set by this layer.
  atl::net::identity self;
  atl::net::cluster_secret secret;
  std::string token; ///< the capability to present, opaque to this layer; ≤ token_bytes_max
  bulk_timeouts timeouts;
};

/// A node that takes part in a write, and the fragment that it stores.
struct write_target {
  std::string node; ///< the node's name, for results; ≤ node_name_bytes_max
  atl::endpoint at;
  std::uint32_t fragment = 0;
};

/// The outcome of a write at one target.
struct target_result {
  std::string node;
  atl::status outcome;
  /// Of a write as `verified` that succeeded: CRC-32C of what the node's disk gave back.
  std::optional<std::uint32_t> crc_on_disk{};
};

/// What a node says of a fragment that it has read.
struct fragment_condition {
  bool is_intact = false;        ///< otherwise it was damaged, and is moved aside
  std::uint32_t content_crc = 0; ///< CRC-32C of the whole content, if it is intact
};

/// What a node answers to a probe.
struct node_load {
  std::uint32_t in_flight = 0;            ///< requests for data that the node is working on
  std::chrono::microseconds read_time{0}; ///< moving average of a read, ≤ request_time_max
};

} // namespace dfs
