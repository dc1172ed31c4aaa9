#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/net/cluster_secret.hpp>
#include <atoll/net/handshake.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace atl::net {

/// Where to connect, and as whom.
struct dial_request {
  endpoint where;
  identity self;
  cluster_secret secret;
  std::chrono::milliseconds timeout{2000}; ///< for name server, connection and handshake together
};

/// A connection whose peer is proved.
struct dialed {
  boost::asio::ip::tcp::socket socket;
  identity peer;
  std::uint32_t wire_version = 0;
  link_id link{};
};

/// Why there is no connection.
struct dial_failure {
  error problem;
  bool nothing_listens = false; ///< the host is there and says that nothing listens on the port
};

/// Connects to one of the host's addresses and carries out the handshake. Connections that are made
/// at the same time don't wait for each other. If a host has several addresses, the next one is
/// tried as well when the one before hasn't answered after `next_address_delay` (RFC 8305).
///
/// Calls `done` once, in the context's thread, unless the context ends before that. Errors:
/// unavailable, timeout, busy; refused: the peer refuses this process, or is no node of this
/// cluster. To be called in the context's thread, or before it runs.
void dial(const std::shared_ptr<boost::asio::io_context>& context, dial_request request,
          std::function<void(tl::expected<dialed, dial_failure>)> done);

} // namespace atl::net
