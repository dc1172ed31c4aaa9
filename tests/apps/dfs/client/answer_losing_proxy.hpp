#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/net/io_thread.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace dfs::test {

/// Stands in front of a storage node. On its first connections it drops what the node says after
/// the node has been sent so many bytes, and closes: the node has done what it was asked to do, and
/// its answer is lost.
class answer_losing_proxy {
 public:
  using tcp = boost::asio::ip::tcp;

  answer_losing_proxy(const atl::endpoint& node, int lost_answers, std::size_t bytes_before)
      : node_{boost::asio::ip::make_address(node.host), node.port}, left_{lost_answers},
        bytes_before_{bytes_before} {
    boost::asio::co_spawn(io_.context(), serve(), boost::asio::detached);
  }
  ~answer_losing_proxy() { io_.stop(); }

  atl::endpoint endpoint() { return {"127.0.0.1", acceptor_.local_endpoint().port()}; }
  /// How many answers may still be lost.
  int left() const { return left_; }

 private:
  struct link {
    tcp::socket client;
    tcp::socket node;
    std::size_t sent = 0; ///< to the node
  };
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  awaitable<void> serve() {
    for (;;) {
      tcp::socket client = co_await acceptor_.async_accept(boost::asio::use_awaitable);
      tcp::socket node{io_.context()};
      node.connect(node_);
      auto both = std::make_shared<link>(link{std::move(client), std::move(node)});
      boost::asio::co_spawn(io_.context(), forward(both, true), boost::asio::detached);
      boost::asio::co_spawn(io_.context(), forward(both, false), boost::asio::detached);
    }
  }

  awaitable<void> forward(std::shared_ptr<link> both, bool to_node) {
    auto& from = to_node ? both->client : both->node;
    auto& to = to_node ? both->node : both->client;
    std::array<char, 64 << 10> buffer;
    boost::system::error_code problem;
    while (!problem) {
      auto room = boost::asio::buffer(buffer);
      auto got = co_await from.async_read_some(
          room, boost::asio::redirect_error(boost::asio::use_awaitable, problem));
      if (problem)
        break;
      if (to_node)
        both->sent += got;
      else if (both->sent >= bytes_before_ && left_ > 0) {
        --left_;
        break;
      }
      auto bytes = boost::asio::buffer(buffer, got);
      co_await boost::asio::async_write(
          to, bytes, boost::asio::redirect_error(boost::asio::use_awaitable, problem));
    }
    both->client.close(problem);
    both->node.close(problem);
  }

  atl::net::io_thread io_{"proxy"};
  tcp::acceptor acceptor_{io_.context(), {boost::asio::ip::make_address("127.0.0.1"), 0}};
  const tcp::endpoint node_;
  std::atomic<int> left_;
  const std::size_t bytes_before_;
};

} // namespace dfs::test
