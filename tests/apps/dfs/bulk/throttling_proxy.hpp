#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/net/io_thread.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace dfs::test {

/// How a proxy forwards the bytes of one direction.
struct throttle {
  static constexpr auto unlimited = std::numeric_limits<std::size_t>::max();
  std::size_t bytes_max = unlimited;  ///< of each connection: it forwards no byte after these
  std::size_t piece_bytes = 1 << 20;  ///< that it forwards at once
  std::chrono::milliseconds pause{0}; ///< after each piece
};

/// Stands in front of a storage node, and forwards what its clients and the node say to each other
/// as slowly as a test wants, or up to some byte: a node that freezes in the middle of a transfer.
class throttling_proxy {
 public:
  using tcp = boost::asio::ip::tcp;

  throttling_proxy(const atl::endpoint& node, throttle to_node, throttle from_node)
      : node_{boost::asio::ip::make_address(node.host), node.port}, to_node_{to_node},
        from_node_{from_node} {
    boost::asio::co_spawn(io_.context(), serve(), boost::asio::detached);
  }
  ~throttling_proxy() { io_.stop(); }

  atl::endpoint endpoint() { return {"127.0.0.1", acceptor_.local_endpoint().port()}; }

 private:
  struct link {
    tcp::socket client;
    tcp::socket node;
  };
  using error_code = boost::system::error_code;
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  awaitable<void> serve() {
    for (;;) {
      tcp::socket client = co_await acceptor_.async_accept(boost::asio::use_awaitable);
      tcp::socket node{io_.context()};
      node.connect(node_);
      auto both = std::make_shared<link>(link{std::move(client), std::move(node)});
      boost::asio::co_spawn(io_.context(), forward(both, both->client, both->node, to_node_),
                            boost::asio::detached);
      boost::asio::co_spawn(io_.context(), forward(both, both->node, both->client, from_node_),
                            boost::asio::detached);
    }
  }

  /// @param both keeps the sockets open until neither direction is forwarded any more
  static awaitable<void> forward(std::shared_ptr<link> both, tcp::socket& from, tcp::socket& to,
                                 throttle how) {
    std::vector<char> buffer(how.piece_bytes);
    boost::asio::steady_timer timer{from.get_executor()};
    error_code problem;
    for (auto left = how.bytes_max; left > 0;) {
      auto piece = boost::asio::buffer(buffer, left);
      auto got = co_await from.async_read_some(
          piece, boost::asio::redirect_error(boost::asio::use_awaitable, problem));
      if (problem)
        break;
      auto sent = boost::asio::buffer(buffer, got);
      co_await boost::asio::async_write(
          to, sent, boost::asio::redirect_error(boost::asio::use_awaitable, problem));
      if (problem)
        break;
      if (how.bytes_max != throttle::unlimited)
        left -= got;
      if (how.pause.count() > 0) {
        timer.expires_after(how.pause);
        co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, problem));
      }
    }
    if (problem) {
      both->client.close(problem);
      both->node.close(problem);
    }
  }

  atl::net::io_thread io_{"proxy"};
  tcp::acceptor acceptor_{io_.context(), {boost::asio::ip::make_address("127.0.0.1"), 0}};
  const tcp::endpoint node_;
  const throttle to_node_;
  const throttle from_node_;
};

} // namespace dfs::test
