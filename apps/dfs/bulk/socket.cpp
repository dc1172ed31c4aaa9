#include "bulk/socket.hpp"

#include "bulk/limits.hpp"
#include "bulk/resolve.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace dfs {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

std::string text_of(const tcp::endpoint& address) {
  return atl::to_string({address.address().to_string(), address.port()});
}

} // namespace

tcp_socket::tcp_socket(io_loop& loop) : loop_{loop}, socket_{loop.context()} {}

tcp_socket::~tcp_socket() {
  close();
}

void tcp_socket::close() {
  error_code ignored;
  socket_.close(ignored);
  while (in_.active || out_.active) // their handlers refer to us
    loop_.drain();
}

// -- connecting ---------------------------------------------------------------

atl::status tcp_socket::connect(const atl::endpoint& to, std::chrono::milliseconds timeout) {
  peer_ = atl::to_string(to);
  auto deadline = steady::now() + timeout;
  auto addresses = resolve(to, deadline);
  if (!addresses)
    return tl::unexpected{addresses.error()};
  atl::status outcome = atl::fail(atl::errc::unavailable, peer_ + ": the host has no address");
  for (const auto& address : *addresses) {
    outcome = connect_to(address, deadline);
    if (outcome || loop_.interrupted())
      break;
  }
  return outcome;
}

atl::status tcp_socket::connect_to(const tcp::endpoint& address, steady::time_point deadline) {
  close();
  error_code why;
  socket_.open(address.protocol(), why);
  if (why)
    return tl::unexpected{failed(why)};
  out_.active = true;
  socket_.async_connect(address, [&](error_code outcome) {
    why = outcome;
    out_.active = false;
  });
  while (out_.active && loop_.run_once(deadline)) {
  }
  if (!out_.active)
    return why ? tl::unexpected{failed(why)} : prepare();
  close();
  if (loop_.interrupted())
    return tl::unexpected{interrupted()};
  return atl::fail(atl::errc::timeout, peer_ + ": no connection in time");
}

atl::status tcp_socket::adopt(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  auto named = ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  error_code why;
  if (named)
    socket_.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd, why);
  if (!named || why) {
    ::close(fd);
    return atl::fail(atl::errc::unavailable, "cannot take over a connection");
  }
  auto remote = socket_.remote_endpoint(why);
  peer_ = why ? "a peer that has gone" : text_of(remote);
  return prepare();
}

/// Buffers stay at what the kernel makes of them: it lets them grow with the connection, further
/// than a fixed size would be allowed to be.
atl::status tcp_socket::prepare() {
  error_code why;
  socket_.non_blocking(true, why);
  if (!why)
    socket_.native_non_blocking(true, why);
  if (!why)
    socket_.set_option(tcp::no_delay{true}, why);
  if (why)
    return tl::unexpected{failed(why)};
  return {};
}

int tcp_socket::release() {
  error_code why;
  auto fd = socket_.is_open() ? socket_.release(why) : -1;
  return why ? -1 : fd;
}

bool tcp_socket::is_quiet() {
  char byte = 0;
  error_code why;
  socket_.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, why);
  return why == asio::error::would_block;
}

// -- one thing at a time ------------------------------------------------------

atl::status tcp_socket::wait_for(tcp::socket::wait_type what, const patience& wait,
                                 steady::time_point last_progress) {
  auto deadline = std::min(last_progress + wait.progress, wait.deadline);
  bool waiting = true;
  error_code why;
  socket_.async_wait(what, [&](error_code outcome) {
    why = outcome;
    waiting = false;
  });
  bool timed_out = false;
  while (waiting && !timed_out && !loop_.interrupted())
    timed_out = !loop_.run_once(deadline);
  if (waiting) {
    error_code ignored;
    socket_.cancel(ignored);
    while (waiting)
      loop_.drain();
    return tl::unexpected{loop_.interrupted() ? interrupted() : stalled()};
  }
  return why ? tl::unexpected{failed(why)} : atl::status{};
}

atl::result<std::size_t> tcp_socket::read_some(std::span<const mutable_buffer> into,
                                               const patience& wait) {
  auto since = steady::now();
  for (;;) {
    error_code why;
    auto got = socket_.read_some(into, why);
    if (!why)
      return got;
    if (why != asio::error::would_block && why != asio::error::try_again)
      return tl::unexpected{failed(why)};
    if (auto ready = wait_for(tcp::socket::wait_read, wait, since); !ready)
      return tl::unexpected{ready.error()};
  }
}

atl::status tcp_socket::read(std::span<const mutable_buffer> into, const patience& wait) {
  start_read(into);
  return finish_read(wait);
}

atl::status tcp_socket::read(void* into, std::size_t size, const patience& wait) {
  mutable_buffer piece{into, size};
  return read({&piece, 1}, wait);
}

atl::status tcp_socket::write(std::span<const const_buffer> from, const patience& wait) {
  start_write(from);
  return finish_write(wait);
}

atl::status tcp_socket::write(std::string_view from, const patience& wait) {
  const_buffer piece{from.data(), from.size()};
  return write({&piece, 1}, wait);
}

atl::status tcp_socket::send_file(int fd, std::uint64_t offset, std::uint64_t size,
                                  const patience& wait) {
  auto at = static_cast<off_t>(offset);
  auto last_progress = steady::now();
  while (size > 0) {
    if (loop_.interrupted())
      return tl::unexpected{interrupted()};
    auto sent = ::sendfile(socket_.native_handle(), fd, &at, size);
    if (sent > 0) {
      size -= static_cast<std::uint64_t>(sent);
      last_progress = steady::now();
      if (last_progress > wait.deadline)
        return tl::unexpected{stalled()};
    } else if (sent == 0) {
      return atl::fail(atl::errc::io, "a file ends before the data that was to be sent");
    } else if (errno == EAGAIN) {
      if (auto ready = wait_for(tcp::socket::wait_write, wait, last_progress); !ready)
        return ready;
    } else if (errno == EIO) {
      return tl::unexpected{atl::system_error(errno, "cannot read a file that was to be sent")};
    } else if (errno != EINTR) {
      return tl::unexpected{failed({errno, boost::system::system_category()})};
    }
  }
  return {};
}

void tcp_socket::linger_and_close() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  std::array<char, 16 * 1024> rest = {};
  mutable_buffer piece{rest.data(), rest.size()};
  patience wait{linger_time, steady::now() + linger_time};
  while (socket_.is_open() && steady::now() < wait.deadline && read_some({&piece, 1}, wait)) {
  }
  close();
}

// -- both ways at once --------------------------------------------------------

template <class Buffer>
void tcp_socket::direction<Buffer>::begin(std::span<const Buffer> from) {
  count = 0;
  for (const auto& piece : from)
    if (piece.size() > 0)
      pieces[count++] = piece;
  outcome = {};
  last_progress = steady::now();
}

template <class Buffer>
bool tcp_socket::direction<Buffer>::advance(std::size_t bytes) {
  last_progress = steady::now();
  std::size_t gone = 0;
  while (gone < count && bytes >= pieces[gone].size())
    bytes -= pieces[gone++].size();
  std::move(pieces.begin() + static_cast<std::ptrdiff_t>(gone),
            pieces.begin() + static_cast<std::ptrdiff_t>(count), pieces.begin());
  count -= gone;
  if (count > 0)
    pieces[0] += bytes;
  return count == 0;
}

void tcp_socket::start_read(std::span<const mutable_buffer> into) {
  in_.begin(into);
  if (in_.count > 0)
    go_on_reading();
}

void tcp_socket::go_on_reading() {
  in_.active = true;
  socket_.async_read_some(std::span{in_.pieces.data(), in_.count},
                          [this](error_code why, std::size_t got) {
                            in_.active = false;
                            if (why)
                              in_.outcome = tl::unexpected{failed(why)};
                            else if (!in_.advance(got))
                              go_on_reading();
                          });
}

void tcp_socket::start_write(std::span<const const_buffer> from) {
  out_.begin(from);
  if (out_.count > 0)
    go_on_writing();
}

void tcp_socket::go_on_writing() {
  out_.active = true;
  socket_.async_write_some(std::span{out_.pieces.data(), out_.count},
                           [this](error_code why, std::size_t sent) {
                             out_.active = false;
                             if (why)
                               out_.outcome = tl::unexpected{failed(why)};
                             else if (!out_.advance(sent))
                               go_on_writing();
                           });
}

template <class Buffer>
atl::status tcp_socket::finish(direction<Buffer>& which, const patience& wait) {
  auto deadline = [&] { return std::min(which.last_progress + wait.progress, wait.deadline); };
  while (which.active) {
    // What is ready counts first: the thread may have been busy elsewhere beyond the deadline.
    bool ran = loop_.run_once(deadline());
    if (which.active && (!ran || steady::now() >= deadline())) {
      close();
      return tl::unexpected{loop_.interrupted() ? interrupted() : stalled()};
    }
  }
  return which.outcome;
}

atl::status tcp_socket::finish_read(const patience& wait) {
  return finish(in_, wait);
}

atl::status tcp_socket::finish_write(const patience& wait) {
  return finish(out_, wait);
}

// -- errors -------------------------------------------------------------------

atl::error tcp_socket::failed(const error_code& why) const {
  if (why == asio::error::eof)
    return {atl::errc::unavailable, peer_ + " has closed the connection"};
  return {atl::errc::unavailable, fmt::format("{}: {}", peer_, why.message())};
}

atl::error tcp_socket::stalled() const {
  return {atl::errc::timeout, peer_ + " does not answer in time"};
}

atl::error tcp_socket::interrupted() const {
  return {atl::errc::unavailable, fmt::format("the connection with {} was called off", peer_)};
}

} // namespace dfs
