#pragma once

#include "free_port.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/net/io_thread.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace atl::runtime::testing {

/// Stands between a caller and a port, and lets each connection send so many bytes a second.
class slow_link {
 public:
  slow_link(const endpoint& to, std::size_t bytes_a_second)
      : to_{boost::asio::ip::make_address(to.host), to.port}, rate_{bytes_a_second} {
    accept();
  }
  endpoint where() const { return {"127.0.0.1", acceptor_.local_endpoint().port()}; }

 private:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;

  /// One direction of a connection.
  struct pipe : std::enable_shared_from_this<pipe> {
    pipe(std::shared_ptr<tcp::socket> source, std::shared_ptr<tcp::socket> sink,
         std::size_t bytes_a_second)
        : from{std::move(source)}, to{std::move(sink)}, rate{bytes_a_second},
          pause{from->get_executor()} {}

    void read() {
      from->async_read_some(boost::asio::buffer(piece),
                            [self = shared_from_this()](error_code problem, std::size_t size) {
                              if (problem)
                                return self->close();
                              self->write(size);
                            });
    }
    void write(std::size_t size) {
      boost::asio::async_write(*to, boost::asio::buffer(piece, size),
                               [self = shared_from_this(), size](error_code problem, std::size_t) {
                                 if (problem)
                                   return self->close();
                                 self->wait(size);
                               });
    }
    void wait(std::size_t size) {
      if (rate == 0)
        return read();
      pause.expires_after(std::chrono::microseconds{size * 1'000'000 / rate});
      pause.async_wait([self = shared_from_this()](error_code problem) {
        if (!problem)
          self->read();
      });
    }
    void close() {
      error_code ignored;
      from->close(ignored);
      to->close(ignored);
    }

    std::shared_ptr<tcp::socket> from;
    std::shared_ptr<tcp::socket> to;
    std::size_t rate; ///< 0: no limit
    boost::asio::steady_timer pause;
    std::array<char, 16 << 10> piece{};
  };

  void accept() {
    acceptor_.async_accept([this](error_code problem, tcp::socket socket) {
      if (problem)
        return;
      auto caller = std::make_shared<tcp::socket>(std::move(socket));
      auto node = std::make_shared<tcp::socket>(caller->get_executor());
      node->async_connect(to_, [this, caller, node](error_code refused) {
        if (refused)
          return;
        std::make_shared<pipe>(caller, node, rate_)->read();
        std::make_shared<pipe>(node, caller, 0)->read();
      });
      accept();
    });
  }

  tcp::endpoint to_;
  std::size_t rate_;
  net::io_thread thread_{"slow link"};
  tcp::acceptor acceptor_{thread_.context(), {boost::asio::ip::address_v4::loopback(), 0}};
};

} // namespace atl::runtime::testing
