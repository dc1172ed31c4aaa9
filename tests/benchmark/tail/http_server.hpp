#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

/// Answers GET requests to a port of 127.0.0.1, over keep-alive connections that carry one request
/// at a time. Used in the thread of its context alone.
class http_server {
 public:
  /// Sends the answer. Called once for each request, in the thread of the context.
  using respond = std::function<void(bool is_ok)>; ///< 200, or 503
  using handler = std::function<void(std::string_view path, respond answer)>;

  /// @throws boost::system::system_error if the port is in use
  http_server(boost::asio::io_context& io, std::uint16_t port, handler handle);

 private:
  void accept();

  boost::asio::ip::tcp::acceptor acceptor_;
  std::shared_ptr<const handler> handle_;
};
