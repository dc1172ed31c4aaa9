#include "bulk/bulk_handshake.hpp"

#include "bulk/bulk_protocol.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace dfs {

namespace {

using atl::net::handshake;

/// An error of the connection, as the caller should see it.
atl::error interrupted_by(const atl::error& problem, const tcp_socket& socket) {
  if (problem.code == atl::errc::timeout)
    return {problem.code, socket.peer() + ": no answer to the handshake in time"};
  return problem;
}

atl::status exchange(tcp_socket& socket, handshake& own, const io_timeout& wait) {
  std::array<char, 512> buffer = {};
  const tcp_socket::mutable_buffer into{buffer.data(), buffer.size()};
  atl::status sent;
  while (own.current() == handshake::state::running) {
    // A node that refuses may close the connection before it has read this: its reason counts.
    sent = socket.write(own.take_output(), wait);
    auto got = socket.is_open() ? socket.read_some({&into, 1}, wait)
                                : atl::result<std::size_t>{tl::unexpected{sent.error()}};
    if (!got)
      return tl::unexpected{interrupted_by(sent ? got.error() : sent.error(), socket)};
    own.receive({buffer.data(), *got});
  }
  if (own.current() == handshake::state::done)
    return {};
  (void)socket.write(own.take_output(), wait); // tells the node why
  return atl::fail(own.problem().code, fmt::format("{}: {}", socket.peer(), own.problem().message));
}

} // namespace

atl::net::identity on_bulk_plane(atl::net::identity self) {
  self.plane = atl::net::plane::bulk;
  self.wire = {wire::version, wire::version};
  return self;
}

atl::status connect_to_node(tcp_socket& socket, const atl::endpoint& node,
                            const atl::net::identity& self, const atl::net::cluster_secret& secret,
                            std::chrono::milliseconds timeout) {
  io_timeout wait{timeout, steady::now() + timeout};
  if (auto connected = socket.connect(node, timeout); !connected)
    return connected;
  auto own = handshake::dial(on_bulk_plane(self), secret, atl::net::draw_nonce());
  auto done = exchange(socket, own, wait);
  if (!done)
    socket.close();
  return done;
}

} // namespace dfs
