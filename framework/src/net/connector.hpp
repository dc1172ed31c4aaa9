#pragma once

#include <atoll/net/resolve.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <functional>
#include <list>
#include <memory>

namespace atl::net {

/// Connects to the first of several addresses of a host that answers. The next address is tried as
/// well when the one before hasn't answered after `next_address_delay` (RFC 8305), or has failed.
///
/// Owned by its handlers, so it ends with the last of them. For the context's thread.
class connector : public std::enable_shared_from_this<connector> {
 public:
  using completion = std::function<void(boost::system::error_code, boost::asio::ip::tcp::socket)>;

  /// @param to at least one address
  /// @param done is called once with the connection, or with the most telling error of all
  /// addresses, unless `cancel` was called
  static std::shared_ptr<connector> start(boost::asio::io_context& context, addresses to,
                                          completion done);
  connector(boost::asio::io_context& context, addresses to, completion done);

  /// Closes all sockets.
  void cancel();

 private:
  void connect_next();
  void on_connected(boost::asio::ip::tcp::socket& socket, boost::system::error_code problem);

  boost::asio::io_context& context_;
  addresses addresses_;
  completion done_; ///< null once it was called
  boost::asio::steady_timer delay_;
  std::list<boost::asio::ip::tcp::socket> sockets_; ///< one for each address that was tried
  std::size_t failed_ = 0;                          ///< addresses
  boost::system::error_code problem_;
};

} // namespace atl::net
