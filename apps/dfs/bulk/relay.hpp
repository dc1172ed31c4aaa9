#pragma once

#include "bulk/block_sender.hpp"
#include "bulk/bulk_protocol.hpp"
#include "bulk/shared_state.hpp"
#include "bulk/socket.hpp"

#include <atoll/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace dfs {

/// A batch of a write, on its way from the previous node to the disk and the next node.
struct batch_buffer {
  std::array<std::uint32_t, blocks_per_batch> crcs = {};
  std::unique_ptr<std::byte[]> data = std::make_unique_for_overwrite<std::byte[]>(batch_size);
};
using batch_buffers = std::array<batch_buffer, 2>;

/// A storage node's part in a pipelined write: receives batches, stores them, and forwards them as
/// they arrive. While one batch is stored and forwarded, the next batch arrives. A failure here
/// does not keep downstream nodes from their copies, nor does a failure there affect this node's
/// copy.
class relay {
 public:
  relay(bulk_shared& shared, io_loop& loop, tcp_socket& upstream, batch_buffers& buffers,
        wire::write_request request);

  /// @returns the outcome of each target; an error if the sender is gone, and no copy was kept.
  atl::result<std::vector<target_result>> run();

 private:
  struct batch {
    batch_buffer* buffer = nullptr;
    std::size_t size = 0;

    std::span<const std::byte> bytes() const { return {buffer->data.get(), size}; }
    std::span<const std::uint32_t> crcs() const { return {buffer->crcs.data(), block_count(size)}; }
  };

  void begin_local_write();
  void begin_downstream();
  atl::status connect_downstream();
  atl::status stream();
  void start_receiving(const batch& into);
  void forward(const batch& what);
  void finish_forwarding();
  void store(const batch& what);
  void commit();
  void collect_results();
  atl::error downstream_error(const atl::error& otherwise);
  void fail_downstream(const atl::error& why);
  atl::status receive_results();

  bulk_shared& shared_;
  io_loop& loop_;
  tcp_socket& upstream_;
  batch_buffers& buffers_;
  wire::write_request request_;
  io_timeout from_upstream_;
  io_timeout to_downstream_;

  std::optional<chunk_writer> writer_;
  std::optional<tcp_socket> downstream_;
  std::optional<block_sender> upload_;
  std::vector<target_result> results_;
};

} // namespace dfs
