#pragma once

#include "bulk/bulk_options.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace dfs {

/// How busy a node is: its requests in progress, and how long a read takes beside them. The average
/// is that of a read's time for each request that it shared the node with, so that a node that was
/// busy and is idle now doesn't report the time of its busy days for ever. Thread-safe.
class load_meter {
 public:
  /// Counts a request as under way for as long as this lives.
  class request {
   public:
    explicit request(load_meter& meter) : meter_{meter}, together_{++meter.in_flight_} {}
    ~request() { --meter_.in_flight_; }
    request(const request&) = delete;
    request& operator=(const request&) = delete;

    /// The request was a read that succeeded.
    void has_read() const {
      using std::chrono::duration_cast;
      using std::chrono::microseconds;
      auto took = duration_cast<microseconds>(std::chrono::steady_clock::now() - began_).count();
      auto newest = std::max<std::int64_t>(took / together_, 1);
      // Of two reads that end at once one may be lost: the average tells little less without it.
      auto mean = meter_.read_us_.load(std::memory_order_relaxed);
      meter_.read_us_.store(mean == 0 ? newest : mean + (newest - mean) / part_of_newest,
                            std::memory_order_relaxed);
    }

   private:
    static constexpr std::int64_t part_of_newest = 8;

    load_meter& meter_;
    std::int64_t together_; ///< requests in progress when this one came, with this one
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  };

  node_load load() const {
    constexpr std::chrono::microseconds longest{request_time_max};
    std::uint32_t now = in_flight_;
    return {now, std::min(std::chrono::microseconds{read_us_ * (now + 1)}, longest)};
  }

 private:
  std::atomic<std::uint32_t> in_flight_ = 0;
  std::atomic<std::int64_t> read_us_ = 0; ///< of a read, for each request in progress
};

} // namespace dfs
