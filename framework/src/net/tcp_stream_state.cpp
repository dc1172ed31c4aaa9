#include "tcp_stream_state.hpp"

#include "socket_calls.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace atl::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

tcp_stream::state::loan::loan(state& of) : of_{of.shared_from_this()} {
  ++of_->loans_;
}

tcp_stream::state::loan::~loan() {
  if (--of_->loans_ == 0 && of_->is_closed)
    of_->close_descriptor();
}

tcp_stream::state::state(tcp::socket connected, std::string peer_name)
    : socket{std::move(connected)}, peer{std::move(peer_name)}, timer_{socket.get_executor()} {}

/// The kernel sizes the buffers: it grows them with the connection, beyond the largest permitted
/// fixed size.
void tcp_stream::state::prepare() {
  error_code ignored; // of a connection that has broken already; the first operation tells
  socket.non_blocking(true, ignored);
  socket.set_option(tcp::no_delay{true}, ignored);
}

void tcp_stream::state::close() {
  if (std::exchange(is_closed, true))
    return;
  timer_.cancel();
  if (loans_ > 0) {
    ::shutdown(socket.native_handle(), SHUT_RDWR);
    error_code ignored;
    socket.cancel(ignored);
  } else {
    close_descriptor();
  }
}

void tcp_stream::state::close_descriptor() {
  error_code ignored;
  socket.close(ignored);
}

int tcp_stream::state::release() {
  is_closed = true;
  timer_.cancel();
  return socket.release();
}

// -- waiting ------------------------------------------------------------------

asio::awaitable<bool> tcp_stream::state::wait_for(direction which, clock::time_point deadline) {
  auto& wait = waits_[which];
  wait = {deadline, false};
  arm(deadline);
  if (which == writing)
    watch_for_end();
  // An operation of the other direction that expires cancels this wait as well: then the caller
  // tries its system call once more than needed.
  error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await socket.async_wait(which == reading ? tcp::socket::wait_read : tcp::socket::wait_write,
                             token);
  auto in_time = !wait.has_expired;
  wait = {};
  co_return in_time;
}

void tcp_stream::state::arm(clock::time_point deadline) {
  if (armed_for_ <= deadline)
    return;
  armed_for_ = deadline;
  timer_.expires_at(deadline);
  timer_.async_wait([weak = weak_from_this()](error_code cancelled) {
    auto self = weak.lock();
    if (self && !cancelled && !self->is_closed)
      self->on_timer();
  });
}

void tcp_stream::state::on_timer() {
  armed_for_ = clock::time_point::max();
  auto now = clock::now();
  auto next = clock::time_point::max();
  bool has_expired = false;
  for (auto& each : waits_) {
    if (each.deadline <= now)
      has_expired = each.has_expired = true;
    else
      next = std::min(next, each.deadline);
  }
  if (next != clock::time_point::max())
    arm(next);
  error_code ignored;
  if (has_expired)
    socket.cancel(ignored);
}

/// A peer that closed while its buffers were full takes no more, and sends no reset: the kernel
/// would probe a window that never opens.
void tcp_stream::state::watch_for_end() {
  if (std::exchange(is_watched_for_end_, true))
    return;
  socket.async_wait(tcp::socket::wait_read, [weak = weak_from_this()](error_code) {
    auto self = weak.lock();
    if (!self)
      return;
    self->is_watched_for_end_ = false;
    char byte = 0;
    if (self->is_closed ||
        ::recv(self->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0)
      return;
    self->has_peer_ended = true;
    error_code ignored;
    self->socket.cancel(ignored);
  });
}

// -- errors -------------------------------------------------------------------

error tcp_stream::state::failed(int error_number) const {
  if (is_closed)
    return interrupted();
  return {errc::unavailable,
          fmt::format("{}: {}", peer, std::generic_category().message(error_number))};
}

error tcp_stream::state::ended() const {
  if (is_closed)
    return interrupted();
  return {errc::unavailable, peer + " has closed the connection"};
}

error tcp_stream::state::stalled() const {
  return {errc::timeout, peer + " does not answer in time"};
}

error tcp_stream::state::interrupted() const {
  return {errc::unavailable, fmt::format("the connection with {} was interrupted", peer)};
}

} // namespace atl::net
