#pragma once

#include "apps/dfs/storage/store_fixture.hpp"
#include "bulk/bulk_handshake.hpp"
#include "bulk/connection.hpp"
#include "bulk/server.hpp"

#include <atoll/net/io_thread.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace dfs::test {

/// Of a caller that waits for nodes that stand still for some seconds, as on a busy machine.
inline bulk_options caller_options() {
  bulk_options options;
  options.timeouts = {std::chrono::seconds{30}, std::chrono::seconds{30}};
  options.self.cluster = "test";
  options.self.role = "client";
  return options;
}

/// A secret that no other call returns.
inline atl::net::cluster_secret fresh_secret() {
  temporary_folder folder;
  auto made = atl::net::cluster_secret::create(folder / "secret");
  REQUIRE_MESSAGE(made, made.error().message);
  return *made;
}

/// A storage node: a store and the server in front of it.
struct bulk_node {
  std::string name;
  store_fixture at;
  bulk_server_options options;
  std::unique_ptr<bulk_server> server;

  explicit bulk_node(std::string called = "node", disk& on = real_disk())
      : name{std::move(called)}, at{on} {
    options.self.cluster = "test";
    options.self.name = name;
    options.self.role = "storage";
    options.listen = {"127.0.0.1", 0};
  }

  void start() {
    auto started = bulk_server::start(*at.store, options);
    REQUIRE_MESSAGE(started, started.error().message);
    server = std::move(*started);
  }

  atl::endpoint endpoint() const { return server->listens_at(); }
  write_target target(std::uint32_t fragment = 0) const { return {name, endpoint(), fragment}; }
};

/// Several nodes, started.
struct bulk_cluster {
  std::vector<std::unique_ptr<bulk_node>> nodes;

  explicit bulk_cluster(int count, const atl::net::cluster_secret& secret = {}) {
    for (int i = 0; i < count; ++i) {
      nodes.push_back(std::make_unique<bulk_node>("node-" + std::to_string(i + 1)));
      nodes.back()->options.secret = secret;
      nodes.back()->start();
    }
  }
  bulk_node& operator[](std::size_t i) { return *nodes[i]; }
  std::vector<write_target> targets() const {
    std::vector<write_target> out;
    for (const auto& each : nodes)
      out.push_back(each->target());
    return out;
  }
};

/// "ok", or the name of the error, of each target, in one line.
inline std::string outcomes(const atl::result<std::vector<target_result>>& results) {
  if (!results)
    return std::string{to_string(results.error().code)};
  std::string out;
  for (const auto& each : *results) {
    out += out.empty() ? "" : " ";
    out += each.outcome ? "ok" : to_string(each.outcome.error().code);
  }
  return out;
}

/// Bytes read over the network; or the name of the error.
inline std::string fetch(bulk_connection& over, const fragment_key& key, std::uint64_t offset,
                         std::size_t length) {
  std::string out(length, '?');
  auto got = over.read_fragment(key, offset, std::as_writable_bytes(std::span{out}));
  if (!got)
    return std::string{to_string(got.error().code)};
  out.resize(*got);
  return out;
}

/// A frozen process: the kernel accepts connections, and no response ever comes.
struct silent_peer {
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor acceptor{context, {boost::asio::ip::make_address("127.0.0.1"), 0}};

  atl::endpoint endpoint() { return {"127.0.0.1", acceptor.local_endpoint().port()}; }
};

/// A node that freezes after the handshake: it accepts connections, and no response ever comes.
struct frozen_node {
  atl::net::io_thread io{"frozen"};
  std::vector<atl::net::admitted> held; ///< the I/O thread's own
  std::unique_ptr<atl::net::gatekeeper> gatekeeper;

  frozen_node() {
    atl::net::gatekeeper_settings settings;
    settings.listen = {"127.0.0.1", 0};
    settings.self = on_bulk_plane(caller_options().self);
    auto opened = atl::net::gatekeeper::open(
        io.shared_context(), std::move(settings),
        [this](atl::net::admitted each) { held.push_back(std::move(each)); });
    REQUIRE(opened);
    gatekeeper = std::move(*opened);
  }
  ~frozen_node() {
    gatekeeper->close();
    io.stop();
  }
  atl::endpoint endpoint() const { return gatekeeper->listens_at(); }
};

/// A connection that doesn't begin with a handshake.
struct stranger {
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket{context};

  explicit stranger(const atl::endpoint& to) {
    socket.connect({boost::asio::ip::make_address(to.host), to.port});
  }
  /// @returns false when the connection is closed.
  bool send(std::string_view bytes) {
    boost::system::error_code why;
    boost::asio::write(socket, boost::asio::buffer(bytes), why);
    return !why;
  }
  /// Everything received until the peer closes.
  std::string receive_all() {
    std::string out;
    boost::system::error_code why;
    boost::asio::read(socket, boost::asio::dynamic_buffer(out), why);
    return out;
  }
};

/// A client that sends raw bytes after the handshake.
struct raw_client : stranger {
  explicit raw_client(const atl::endpoint& to) : stranger{to} {
    auto own =
        atl::net::handshake::dial(on_bulk_plane(caller_options().self), {}, atl::net::draw_nonce());
    std::array<char, 512> buffer{};
    while (own.current() == atl::net::handshake::state::running) {
      REQUIRE(send(own.take_output()));
      auto got = socket.read_some(boost::asio::buffer(buffer));
      own.receive({buffer.data(), got});
    }
    REQUIRE(own.current() == atl::net::handshake::state::done);
  }
};

inline void wait_until(const std::function<bool()>& condition) {
  while (!condition())
    std::this_thread::yield();
}

} // namespace dfs::test
