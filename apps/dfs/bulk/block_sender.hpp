#pragma once

#include "bulk/frames.hpp"

#include <atoll/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace dfs {

/// The sending side of a write: sends the request and batches of blocks, and says how long to wait
/// for the results. A batch is sent while the caller does other work.
class block_sender {
 public:
  block_sender(tcp_socket& over, io_timeout wait) : over_{over}, wait_{wait} {}

  /// Sends the request; with `await_go`, waits until the node accepts the data or refuses.
  atl::status begin(const wire::write_request& request);
  /// @pre both spans stay valid and unchanged until `finish_batch` returns.
  void start_batch(std::span<const std::byte> bytes, std::span<const std::uint32_t> crcs);
  atl::status finish_batch();
  /// Has the node replied before it received all data? Then the node refuses the rest.
  bool is_refused() { return !over_.is_quiet(); }
  /// How long to wait for the reply, counted from the last byte sent, as the sender before this
  /// node does.
  io_timeout wait_for_results() const;

 private:
  tcp_socket& over_;
  io_timeout wait_;
  steady::time_point last_sent_ = steady::now();
};

} // namespace dfs
