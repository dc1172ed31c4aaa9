#pragma once

#include "bulk/link_pool.hpp"
#include "bulk/pulse.hpp"
#include "bulk/server.hpp"
#include "bulk/write_admission.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace dfs {

/// Lets one message a second through, and counts the others.
class log_limiter {
 public:
  /// How many were held back since the last one; none: hold this one back, too.
  std::optional<std::uint64_t> pass() {
    std::lock_guard lock{mutex_};
    auto now = std::chrono::steady_clock::now();
    if (last_ && now - *last_ < std::chrono::seconds{1}) {
      ++held_back_;
      return std::nullopt;
    }
    last_ = now;
    return std::exchange(held_back_, 0);
  }

 private:
  std::mutex mutex_;
  std::optional<std::chrono::steady_clock::time_point> last_;
  std::uint64_t held_back_ = 0;
};

/// What all connections of a server have in common.
struct bulk_shared {
  bulk_shared(chunk_store& chunks, bulk_server_options given)
      : store{chunks}, options{std::move(given)}, writes{options.write_buffer_bytes} {}

  chunk_store& store;
  const bulk_server_options options;
  link_pool links;
  write_admission writes;
  pulse signs;
  log_limiter error_log;
  std::atomic<std::uint64_t> busy = 0;
  std::atomic<std::uint64_t> malformed = 0;
  std::atomic<std::uint64_t> read_bytes = 0;
  std::atomic<std::uint64_t> written_bytes = 0;
};

} // namespace dfs
