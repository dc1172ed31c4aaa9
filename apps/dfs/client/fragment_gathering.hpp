#pragma once

#include "client/chunk_read.hpp"
#include "common/chunk_decoder.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dfs {

/// Reads fragments of a chunk, several at the same time, until the chunk can be decoded: the
/// cheapest ones first, another one for each that fails or whose node is silent. For one thread.
class fragment_gathering {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  /// @param chunk must outlive this object, as must what `tools` refers to
  /// @param into as large as the chunk
  fragment_gathering(const read_tools& tools, const chunk_record& chunk,
                     std::span<const fragment_holder> holders, std::span<char> into,
                     fragment_dispatch::context_pointer context);

  /// Sets `round.is_done`, or adds to `round` what went wrong. Throws `plugin_threw`. When it
  /// returns, no read is under way any more.
  awaitable<void> run(read_round& round);

 private:
  using clock = std::chrono::steady_clock;
  enum class progress : std::uint8_t { untried, running, overdue, arrived, failed };
  struct source {
    fragment_holder at;
    progress state = progress::untried;
    double cost = 0;                          ///< infinite: the node is said to be down
    std::chrono::microseconds silence_max{0}; ///< after which it is overdue
    std::shared_ptr<fragment_reading> reading;

    clock::time_point overdue_at() const;
  };

  awaitable<void> wait_until(clock::time_point time);
  awaitable<void> read(std::size_t which);
  void start_reads();
  void start(source& from);
  source* cheapest();
  bool is_enough() const;
  clock::time_point next_overdue() const;
  void mark_overdue();
  void take_arrived(read_round& round);
  awaitable<void> give_up_rest();

  const read_tools tools_;
  const chunk_record& chunk_;
  const fragment_dispatch::context_pointer context_;
  chunk_decoder decoder_;
  std::vector<source> sources_;
  std::vector<std::size_t> arrived_; ///< and not given to the decoder yet
  std::vector<failed_attempt> failures_;
  std::size_t running_ = 0;
  boost::asio::steady_timer wake_;
};

} // namespace dfs
