#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/net/cluster_secret.hpp>
#include <atoll/net/handshake.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace atl::net {

/// A connection that a gatekeeper let in.
struct admitted {
  boost::asio::ip::tcp::socket socket;
  identity peer;
  std::uint32_t wire_version = 0;
  link_id link{};
  /// Whoever serves the connection keeps this as long as it is open: it counts as one of the
  /// `connections_max`. May be released in any thread.
  std::shared_ptr<void> place;
};

struct gatekeeper_settings {
  endpoint listen; ///< port 0: any free port
  identity self;   ///< its plane is that of the port
  cluster_secret secret;
  /// Proved connections. Connections of the role `spare_role` leave `reserve` of them to others, so
  /// that clients can't keep the nodes of the cluster out.
  std::size_t connections_max = 1024;
  std::size_t reserve = 0;
  std::string_view spare_role;
};

/// Connections since the start.
struct gatekeeper_counters {
  std::uint64_t admitted = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(refusal_last) + 1> refused{}; ///< by `refusal`
  std::uint64_t timed_out = 0; ///< no proof within `handshake_timeout`
  std::uint64_t displaced = 0; ///< closed for a newer one: too many without a proof
  std::uint64_t hung_up = 0;   ///< closed by the peer during the handshake
};

/// Listens on a port and hands on only connections whose peers have proved that they belong to the
/// cluster. Before that a connection costs a descriptor and at most `handshake_message_bytes_max`
/// bytes, for at most `handshake_timeout`, and there are at most `unproved_connections_max` of
/// them. A peer that speaks this protocol is told why it is refused; any other one gets no byte.
///
/// Without a secret it listens on a loopback address only: for a wildcard address it takes the
/// loopback address instead and says so in the log; any other address is refused.
///
/// Used in the context's thread, except where stated otherwise.
class gatekeeper {
 public:
  using on_admitted = std::function<void(admitted)>;

  /// Opens the port; connections are accepted once the context runs. May be called by any thread.
  /// Errors: unavailable (the address), refused (a secret is needed).
  /// @param admit is called in the context's thread and must not throw; may destroy the gatekeeper
  static result<std::unique_ptr<gatekeeper>>
  open(const std::shared_ptr<boost::asio::io_context>& context, gatekeeper_settings settings,
       on_admitted admit);
  /// Closes the port and the connections that are not proved yet; may be called by any thread.
  /// `admit` isn't called afterwards if the context has ended, or if this is its thread.
  ~gatekeeper();

  /// The address with the actual port. Thread-safe.
  const endpoint& listens_at() const;
  /// Thread-safe.
  gatekeeper_counters counters() const;
  /// From now on says this about itself, because the node has joined a group. Thread-safe.
  void introduce_as(identity self);

 private:
  class implementation;
  gatekeeper(std::shared_ptr<boost::asio::io_context> context,
             std::shared_ptr<implementation> impl);
  std::shared_ptr<boost::asio::io_context> context_;
  std::shared_ptr<implementation> impl_; ///< ends before the context does
};

} // namespace atl::net
