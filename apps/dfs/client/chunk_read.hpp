#pragma once

#include "client/fragment_dispatch.hpp"
#include "client/node_directory.hpp"
#include "client/read_round.hpp"
#include "common/chunk_decoder.hpp"
#include "common/types.hpp"
#include "settings/schemes.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dfs {

/// What a chunk is read with.
struct read_tools {
  const scheme& by;
  fragment_dispatch& dispatch;
  const node_directory& nodes;
};

/// Asks the nodes of a chunk once for a range of the chunk's bytes. For one thread.
class chunk_read {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  /// @param chunk must outlive this object, as must what `tools` refers to
  /// @param into within the chunk from `offset` on
  chunk_read(const read_tools& tools, const chunk_record& chunk, std::uint64_t offset,
             std::span<char> into);

  /// Throws `plugin_threw`, once nothing touches `into` any more.
  awaitable<read_round> run(fragment_dispatch::context_pointer context);

 private:
  bool has_copies() const;
  bool is_whole() const { return into_.size() == chunk_.size_bytes; }
  awaitable<void> read_copies(fragment_dispatch::context_pointer context);
  awaitable<void> gather(fragment_dispatch::context_pointer context);
  bool accept_copy(chunk_decoder& decoder, std::uint32_t fragment);

  const read_tools tools_;
  const chunk_record& chunk_;
  const std::uint64_t offset_;
  const std::span<char> into_;
  std::vector<fragment_holder> holders_; ///< that are known
  read_round round_;
};

} // namespace dfs
