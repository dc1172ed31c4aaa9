#include "connector.hpp"

#include <atoll/net/net_limits.hpp>

#include <boost/asio/error.hpp>

#include <utility>

namespace atl::net {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

/// Linux may give a connection the port that it is to reach as its own one. If nobody listens
/// there, the socket is then connected with itself.
bool is_own_peer(const tcp::socket& socket) {
  error_code problem;
  auto local = socket.local_endpoint(problem);
  return !problem && local == socket.remote_endpoint(problem) && !problem;
}

} // namespace

std::shared_ptr<connector> connector::start(boost::asio::io_context& context, addresses to,
                                            completion done) {
  auto made = std::make_shared<connector>(context, std::move(to), std::move(done));
  made->connect_next();
  return made;
}

connector::connector(boost::asio::io_context& context, addresses to, completion done)
    : context_{context}, addresses_{std::move(to)}, done_{std::move(done)}, delay_{context} {}

void connector::cancel() {
  done_ = nullptr;
  delay_.cancel();
  error_code ignored;
  for (auto& socket : sockets_)
    socket.close(ignored);
}

void connector::connect_next() {
  auto& address = addresses_[sockets_.size()];
  auto& socket = sockets_.emplace_back(context_);
  socket.async_connect(address, [self = shared_from_this(), &socket](error_code problem) {
    self->on_connected(socket, problem);
  });
  if (sockets_.size() == addresses_.size())
    return;
  delay_.expires_after(next_address_delay);
  delay_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled && self->done_ && self->sockets_.size() < self->addresses_.size())
      self->connect_next();
  });
}

void connector::on_connected(tcp::socket& socket, error_code problem) {
  if (!done_)
    return;
  if (!problem && is_own_peer(socket))
    problem = boost::asio::error::connection_refused;
  if (!problem) {
    auto done = std::exchange(done_, nullptr);
    auto connected = std::move(socket);
    cancel();
    return done({}, std::move(connected));
  }
  error_code ignored;
  socket.close(ignored);
  if (!problem_ || problem == boost::asio::error::connection_refused)
    problem_ = problem;
  ++failed_;
  if (failed_ == addresses_.size()) {
    auto done = std::exchange(done_, nullptr);
    cancel();
    return done(problem_, tcp::socket{context_});
  }
  if (failed_ == sockets_.size()) // none is under way
    connect_next();
}

} // namespace atl::net
