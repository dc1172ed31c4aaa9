#pragma once

#include "bulk/frames.hpp"

#include <atoll/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace dfs {

/// The sending side of a write: the request, batches of blocks, and the wait for the results. A
/// batch travels while the caller does something else.
class block_sender {
 public:
  block_sender(tcp_socket& over, patience wait) : over_{over}, wait_{wait} {}

  /// Sends the request; with `await_go`, waits until the node lets the data come, or refuses.
  atl::status begin(const wire::write_request& request);
  /// Both must stay as they are until the batch is finished.
  void start_batch(std::span<const std::byte> bytes, std::span<const std::uint32_t> crcs);
  atl::status finish_batch();
  /// The node has answered already, before it has everything: it won't have the rest.
  bool is_refused() { return !over_.is_quiet(); }
  /// How long to wait for the reply. Counted from the last byte sent, not from now: whoever waits
  /// for us does so, too.
  patience wait_for_results() const;

 private:
  tcp_socket& over_;
  patience wait_;
  steady::time_point last_sent_ = steady::now();
};

} // namespace dfs
