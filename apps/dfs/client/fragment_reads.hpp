#pragma once

#include "client/chunk_read.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace dfs {

/// Reads of fragments of one chunk that are under way at the same time, each from one node. A read
/// whose node is silent for longer than such reads take is overdue: whoever wants the bytes reads
/// others, and takes these if they come first. For one thread.
class fragment_reads {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  enum class progress : std::uint8_t { running, overdue, arrived, failed };

  /// What `tools` refers to must outlive this object.
  fragment_reads(const read_tools& tools, const chunk_id& chunk,
                 fragment_dispatch::context_pointer context);

  /// Begins to read `into.size()` bytes from `offset` on, of a fragment of `fragment_bytes`.
  /// @param into must stay until the read has ended
  /// @returns the number of the read: 0, 1, 2, …
  std::size_t start(const fragment_holder& at, std::uint64_t fragment_bytes, std::uint64_t offset,
                    std::span<char> into, bool even_if_down);

  progress state(std::size_t read) const { return reads_[read].state; }
  bool is_under_way(std::size_t read) const { return reads_[read].state <= progress::overdue; }
  /// Are reads under way, overdue ones included?
  bool are_under_way() const { return running_ > 0; }

  /// Waits until a read has ended or becomes overdue.
  awaitable<void> wait();
  /// The reads that have arrived since the last call, in their order.
  std::vector<std::size_t> take_arrived();
  const std::vector<failed_attempt>& failures() const { return failures_; }
  /// Ends all reads that are under way. When it returns, none is.
  awaitable<void> give_up_rest();

 private:
  using clock = std::chrono::steady_clock;
  struct one_read {
    fragment_holder at;
    progress state = progress::running;
    std::chrono::microseconds silence_max{0}; ///< after which it is overdue
    std::shared_ptr<fragment_reading> reading;

    clock::time_point overdue_at() const;
  };

  awaitable<void> finish(std::size_t which);
  awaitable<void> wait_until(clock::time_point time);

  const read_tools tools_;
  const chunk_id chunk_;
  const fragment_dispatch::context_pointer context_;
  std::deque<one_read> reads_; ///< a deque: reads under way refer to theirs
  std::vector<std::size_t> arrived_;
  std::vector<failed_attempt> failures_;
  std::size_t running_ = 0;
  boost::asio::steady_timer wake_;
};

} // namespace dfs
