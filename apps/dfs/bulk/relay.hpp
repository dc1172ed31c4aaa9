#pragma once

#include "bulk/batch_pool.hpp"
#include "bulk/bulk_protocol.hpp"
#include "bulk/shared_state.hpp"

#include <atoll/core/error.hpp>
#include <atoll/net/pending_dial.hpp>
#include <atoll/net/tcp_stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dfs {

/// A storage node's part in a pipelined write: receives batches, stores them, and forwards them as
/// they arrive. While one batch is stored and forwarded, the next batch arrives. A failure here
/// does not keep downstream nodes from their copies, nor does a failure there affect this node's
/// copy. For the context's thread.
class relay {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  relay(bulk_shared& shared, std::shared_ptr<boost::asio::io_context> context,
        atl::net::tcp_stream& upstream, wire::write_request request);
  ~relay();

  /// @returns the outcome of each target; an error if the sender is gone, and no copy was kept.
  awaitable<atl::result<std::vector<target_result>>> run();
  /// Ends what waits for the next node. @pre the stream of the sender is closed
  void interrupt();

 private:
  struct batch {
    batch_buffer* buffer = nullptr;
    std::size_t size = 0;

    std::span<const std::byte> bytes() const { return {buffer->data.get(), size}; }
    std::span<const std::uint32_t> crcs() const { return {buffer->crcs.data(), block_count(size)}; }
  };

  awaitable<void> begin_downstream();
  awaitable<atl::status> connect_downstream();
  awaitable<atl::status> transfer();
  batch next_batch();
  awaitable<atl::status> receive(batch into);
  awaitable<atl::status> store(batch what);
  awaitable<atl::status> forward(batch what);
  awaitable<void> finish();
  awaitable<atl::status> commit();
  awaitable<atl::status> collect_results();
  awaitable<atl::status> receive_results();
  awaitable<void> drop_writer();
  awaitable<void> lose_downstream(atl::error why);
  void fail_downstream(const atl::error& why);
  void begin_writing();
  void append(const batch& what);

  bulk_shared& shared_;
  std::shared_ptr<boost::asio::io_context> context_;
  atl::net::tcp_stream& upstream_;
  const wire::write_request request_;
  const atl::net::io_timeout from_upstream_;
  const atl::net::io_timeout to_downstream_;

  std::array<batch_buffer, 2> buffers_;
  std::size_t batches_announced_ = 0;
  std::uint64_t bytes_announced_ = 0;
  bool has_begun_ = false;
  std::optional<chunk_writer> writer_; ///< none: not begun, or failed
  atl::net::pending_dial dial_;
  atl::net::tcp_stream downstream_; ///< not open: there is no next node, or it failed
  atl::net::io_timeout::clock::time_point last_sent_;
  std::vector<target_result> results_;
};

} // namespace dfs
