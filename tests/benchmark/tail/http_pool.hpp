#pragma once

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

/// Connections to a port of 127.0.0.1 that are used again. A request that finds none free opens a
/// further one, so requests never wait for each other. Used in the thread of its context alone,
/// which must not run any more when the pool is destroyed.
class http_pool {
 public:
  /// False: the connection broke, or the answer's status was not 200.
  using completion = std::function<void(bool is_ok)>;

  http_pool(boost::asio::io_context& io, std::uint16_t port) : io_{io}, port_{port} {}

  /// Sends `GET /work`. There is no timeout.
  void get(completion done);

 private:
  struct connection;
  void send(std::shared_ptr<connection> over, completion done);

  boost::asio::io_context& io_;
  std::uint16_t port_;
  std::vector<std::shared_ptr<connection>> idle_;
};
