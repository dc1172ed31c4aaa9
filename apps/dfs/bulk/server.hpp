#pragma once

#include "bulk/bulk_options.hpp"
#include "storage/chunk_store.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace dfs {

enum class bulk_access : std::uint8_t { read, write, report_damage, copy };

/// What somebody wants to do, and what they show to be allowed to.
struct access_request {
  bulk_access what = bulk_access::read;
  fragment_key key;
  std::string_view token; ///< a capability; this layer only carries it
};

struct bulk_server_options {
  std::string cluster;               ///< requests that name another are refused
  atl::endpoint listen;              ///< port 0: any that is free
  std::size_t max_connections = 256; ///< each has a thread; further ones are told "busy"
  std::uint64_t write_buffer_bytes = 128u
                                     << 20;   ///< of writes at once; further ones are told "busy"
  std::chrono::milliseconds idle_time{15000}; ///< how long a connection may be without a request
  bulk_timeouts timeouts;                     ///< with clients, and with other nodes
  /// Called by many threads at once. Its error is what the caller is refused with. None: everybody
  /// may do everything.
  std::function<atl::status(const access_request&)> authorize;
};

/// Counters since the start.
struct bulk_stats {
  std::uint64_t connections = 0; ///< open now
  std::uint64_t busy = 0;        ///< connections and writes turned away as there were too many
  std::uint64_t malformed = 0;   ///< connections closed because of bytes that were no request
  std::uint64_t read_bytes = 0;  ///< sent to readers
  std::uint64_t written_bytes = 0;
};

/// Serves a chunk store over TCP: reads, pipelined writes, reports of damage and copies between
/// nodes, one thread a connection. Every wait for a peer has an end. Thread-safe.
class bulk_server {
 public:
  /// `store` must outlive it. Errors: unavailable (the address), io.
  static atl::result<std::unique_ptr<bulk_server>> start(chunk_store& store,
                                                         bulk_server_options options);
  /// Stops.
  ~bulk_server();

  /// Where it listens, with the port that was chosen.
  const atl::endpoint& listens_at() const;
  bulk_stats stats() const;

  /// Closes every connection, whatever is under way, and waits for the threads.
  void stop();

 private:
  class implementation;
  explicit bulk_server(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

} // namespace dfs
