#include "bulk/block_sender.hpp"

#include <algorithm>

namespace dfs {

atl::status block_sender::begin(const wire::write_request& request) {
  auto sent = send_frame(over_, wire::op::write, wire::encode(request), wait_);
  if (!sent || !request.await_go)
    return sent;
  std::array<char, wire::header_size> first = {};
  if (auto seen = over_.peek(first.data(), first.size(), wait_); !seen)
    return seen;
  auto head = wire::decode_header({first.data(), first.size()});
  if (!head || head->what != wire::op::working)
    return {}; // a refusal, which `is_refused` finds before any data is sent
  auto go = receive_frame(over_, wait_, wait_);
  return go ? atl::status{} : tl::unexpected{go.error()};
}

void block_sender::start_batch(std::span<const std::byte> bytes,
                               std::span<const std::uint32_t> crcs) {
  std::array<tcp_socket::const_buffer, 2> pieces = {
      tcp_socket::const_buffer{crcs.data(), crcs.size_bytes()},
      tcp_socket::const_buffer{bytes.data(), bytes.size()}};
  over_.start_write(pieces);
}

atl::status block_sender::finish_batch() {
  auto done = over_.finish_write(wait_);
  last_sent_ = steady::now();
  return done;
}

io_timeout block_sender::wait_for_results() const {
  return {wait_.progress, std::min(wait_.deadline, last_sent_ + wait_.progress)};
}

} // namespace dfs
