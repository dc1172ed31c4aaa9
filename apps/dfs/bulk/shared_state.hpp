#pragma once

#include "bulk/batch_pool.hpp"
#include "bulk/link_pool.hpp"
#include "bulk/load_meter.hpp"
#include "bulk/server.hpp"
#include "bulk/write_admission.hpp"

#include <atoll/core/log_limiter.hpp>
#include <atoll/net/worker_pool.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace dfs {

/// The state that all connections of a server share.
struct bulk_shared {
  bulk_shared(fragment_store& chunks, bulk_server_options given)
      : store{chunks}, options{std::move(given)}, writes{options.write_buffer_bytes},
        self_{options.self} {}

  /// What this node says about itself. Thread-safe.
  atl::net::identity self() const {
    std::lock_guard lock{self_mutex_};
    return self_;
  }
  void join_group(const std::string& group) {
    std::lock_guard lock{self_mutex_};
    self_.group = group;
  }

  fragment_store& store;
  const bulk_server_options options;
  link_pool links;
  write_admission writes;
  batch_pool batches;
  atl::net::worker_pool disk_readers{disk_read_threads_max};
  atl::net::worker_pool disk_writers{disk_write_threads_max};
  atl::log_limiter error_log;
  std::atomic<std::uint64_t> busy = 0;
  std::atomic<std::uint64_t> malformed = 0;
  std::atomic<std::uint64_t> read_bytes = 0;
  std::atomic<std::uint64_t> written_bytes = 0;
  load_meter load;

 private:
  mutable std::mutex self_mutex_;
  atl::net::identity self_;
};

} // namespace dfs
