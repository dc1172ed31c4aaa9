#pragma once

#include "bulk/async_connection.hpp"
#include "bulk/fragment_storer.hpp"
#include "bulk/shared_state.hpp"

#include <atoll/core/error.hpp>
#include <atoll/net/tcp_stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>

namespace dfs {

/// Fetches a fragment from another node and stores it durably. Tells whoever asked for that from
/// time to time that this node is working. For the context's thread.
class fragment_copy final : private fragment_sink {
 public:
  /// @pre `requester` outlives this object, and no other code sends over `requester` meanwhile
  fragment_copy(bulk_shared& shared, std::shared_ptr<boost::asio::io_context> context,
                atl::net::tcp_stream& requester, wire::copy_request request);

  boost::asio::awaitable<atl::status> run();
  /// Ends what waits for the other node.
  void interrupt() { source_.cancel(); }

 private:
  boost::asio::awaitable<atl::status> begin(std::uint64_t size) override;
  boost::asio::awaitable<atl::status> take(std::span<const std::byte> bytes,
                                           std::span<const std::uint32_t> crcs) override;
  boost::asio::awaitable<atl::status> commit();
  std::chrono::milliseconds sign_interval() const;

  bulk_shared& shared_;
  std::shared_ptr<boost::asio::io_context> context_;
  atl::net::tcp_stream& requester_;
  const wire::copy_request request_;
  async_bulk_connection source_;
  fragment_storer stored_;
  std::chrono::steady_clock::time_point next_sign_;
};

} // namespace dfs
