#pragma once

#include "bulk/bulk_options.hpp"
#include "storage/fragment_store.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/net/gatekeeper.hpp>
#include <atoll/net/net_limits.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace dfs {

enum class bulk_access : std::uint8_t { read, write, report_damage, copy, probe };

/// A caller's request, and the capability that the caller presents.
struct access_request {
  bulk_access what = bulk_access::read;
  fragment_key key;
  std::string_view token; ///< a capability; this layer only carries it
};

struct bulk_server_options {
  /// This node's identity, for callers and for other nodes. Plane and protocol version are set by
  /// this layer.
  atl::net::identity self;
  atl::net::cluster_secret secret; ///< empty: only callers of this machine are let in
  atl::endpoint listen;            ///< port 0: any free port
  /// Further connections are answered `busy`. Clients leave a part of the connections to other
  /// nodes (`connections_per_reserved`).
  std::size_t connections_max = 4096;
  /// Connections whose peers are not proved yet; > 0.
  std::size_t unproved_max = atl::net::unproved_connections_max;
  std::uint64_t write_buffer_bytes =
      128u << 20; ///< of writes under way; further writes are answered `busy`
  std::chrono::milliseconds idle_time{15000}; ///< how long a connection may be without a request
  bulk_timeouts timeouts;                     ///< with clients, and with other nodes
  /// Called by several threads at once, and must not block. An error refuses the request and is
  /// sent to the caller. Null: every request is permitted.
  std::function<atl::status(const access_request&)> authorize;
};

/// Counters since the start.
struct bulk_stats {
  std::uint64_t connections = 0; ///< open now
  std::uint64_t busy = 0;        ///< connections and writes turned away because there were too many
  std::uint64_t malformed = 0;   ///< connections closed because of bytes that were no request
  std::uint64_t read_bytes = 0;  ///< sent to readers
  std::uint64_t written_bytes = 0;
  node_load load; ///< now
  atl::net::gatekeeper_counters handshakes;
};

/// Serves a chunk store over TCP to proved members of the cluster: reads, pipelined writes, reports
/// of damage and copies between nodes. A few threads serve all connections, and others wait for the
/// disk. Every wait for a peer has a time limit. Thread-safe.
class bulk_server {
 public:
  /// @pre `store` outlives the server. Errors: unavailable (the address); refused: a secret is
  /// needed; busy (no thread).
  static atl::result<std::unique_ptr<bulk_server>> start(fragment_store& store,
                                                         bulk_server_options options);
  /// Calls `stop`.
  ~bulk_server();

  /// The address on which the server listens, with the actual port.
  const atl::endpoint& listens_at() const;
  /// From now on this node says that it belongs to the group.
  void join_group(const std::string& group);
  /// What this node says about itself to other nodes.
  atl::net::identity self() const;
  bulk_stats stats() const;

  /// Closes all connections, including connections with unfinished requests, and waits for the
  /// threads to end. What the disk is doing is finished before.
  void stop();

 private:
  class implementation;
  explicit bulk_server(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

} // namespace dfs
