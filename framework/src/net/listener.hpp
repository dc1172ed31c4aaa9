#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>

namespace atl::net {

/// The loopback address that stands in for this one: itself if it is one, that of the same family
/// for a wildcard. Errors: refused for an address that other machines reach; unavailable.
result<endpoint> loopback_of(const endpoint& where);

/// An open port. When the process has no descriptor left, the listener closes the connections that
/// wait, with the help of a descriptor that it keeps for that: otherwise their peers would wait
/// until their timeouts, and the socket would stay readable without end.
class listener : public std::enable_shared_from_this<listener> {
 public:
  using on_connection = std::function<void(boost::asio::ip::tcp::socket)>;

  /// Errors: unavailable.
  /// @param accepted is called in the context's thread, with non-blocking sockets
  static result<std::shared_ptr<listener>> open(boost::asio::io_context& context,
                                                const endpoint& where, on_connection accepted);
  listener(boost::asio::io_context& context, on_connection accepted);
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// With the actual port.
  const endpoint& where() const { return where_; }
  void close();

 private:
  status bind(const endpoint& where);
  void wait();
  void accept_waiting();
  void hand_on(int fd);
  void on_shortage(int error_number);
  void turn_away_waiting();

  boost::asio::io_context& context_; ///< owns the handlers that own this object
  on_connection accepted_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  endpoint where_;
  int spare_; ///< released to accept, and close, a connection that is turned away
};

} // namespace atl::net
