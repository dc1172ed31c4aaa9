#pragma once

#include "client/fragment_reads.hpp"
#include "common/chunk_decoder.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace dfs {

/// Reads whole fragments of a chunk, several at the same time, until the chunk can be decoded: the
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
  struct source {
    fragment_holder at;
    double cost = 0;                   ///< infinite: the node is said to be down
    std::optional<std::size_t> read{}; ///< none: untried
  };

  void start_reads();
  void start(source& from);
  source* cheapest();
  bool is_enough() const;
  void take_arrived(read_round& round);

  const read_tools tools_;
  const chunk_record& chunk_;
  chunk_decoder decoder_;
  fragment_reads reads_;
  std::vector<source> sources_;
};

} // namespace dfs
