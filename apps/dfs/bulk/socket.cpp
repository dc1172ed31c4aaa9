#include "bulk/socket.hpp"

#include "bulk/bulk_limits.hpp"

#include <atoll/net/resolve.hpp>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace dfs {

namespace {

using tcp = boost::asio::ip::tcp;

std::string text_of(const tcp::endpoint& address) {
  return atl::to_string({address.address().to_string(), address.port()});
}

std::string peer_of(int fd) {
  tcp::endpoint address;
  auto size = static_cast<socklen_t>(address.capacity());
  if (::getpeername(fd, address.data(), &size) != 0 || size > address.capacity())
    return "a peer that has gone";
  address.resize(size);
  return text_of(address);
}

bool would_block(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == EINTR;
}

/// Converts pieces for the system call.
template <class Buffer>
std::array<iovec, tcp_socket::pieces_max> to_iovecs(std::span<const Buffer> pieces) {
  std::array<iovec, tcp_socket::pieces_max> out = {};
  for (std::size_t i = 0; i < pieces.size(); ++i)
    out[i] = {const_cast<void*>(static_cast<const void*>(pieces[i].data())), pieces[i].size()};
  return out;
}

ssize_t receive(int fd, std::span<const tcp_socket::mutable_buffer> pieces) {
  auto vectors = to_iovecs(pieces);
  msghdr message = {};
  message.msg_iov = vectors.data();
  message.msg_iovlen = pieces.size();
  return ::recvmsg(fd, &message, MSG_DONTWAIT);
}

ssize_t send(int fd, std::span<const tcp_socket::const_buffer> pieces) {
  auto vectors = to_iovecs(pieces);
  msghdr message = {};
  message.msg_iov = vectors.data();
  message.msg_iovlen = pieces.size();
  return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace

tcp_socket::tcp_socket(io_loop& loop) : loop_{loop} {}

tcp_socket::~tcp_socket() {
  close();
}

void tcp_socket::take(int fd) {
  fd_ = fd;
  loop_.add(*this);
}

void tcp_socket::close() {
  if (auto fd = release(); fd >= 0)
    ::close(fd);
}

int tcp_socket::release() {
  if (fd_ < 0)
    return -1;
  loop_.remove(*this); // from here on no other thread shuts the socket down
  in_.call_off(peer_);
  out_.call_off(peer_);
  return std::exchange(fd_, -1);
}

// -- connecting ---------------------------------------------------------------

atl::status tcp_socket::connect(const atl::endpoint& to, std::chrono::milliseconds timeout) {
  peer_ = atl::to_string(to);
  auto deadline = steady::now() + timeout;
  auto addresses = atl::net::resolve(to, deadline);
  if (!addresses)
    return tl::unexpected{addresses.error()};
  atl::status outcome = atl::fail(atl::errc::unavailable, peer_ + ": the host has no address");
  for (const auto& address : *addresses) {
    outcome = connect_to(address, deadline);
    if (outcome || loop_.interrupted())
      break;
  }
  if (!outcome)
    close();
  return outcome;
}

atl::status tcp_socket::connect_to(const tcp::endpoint& address, steady::time_point deadline) {
  close();
  auto fd = ::socket(address.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    auto why = errno;
    auto code = why == EMFILE || why == ENFILE ? atl::errc::busy : atl::errc::unavailable;
    return atl::fail(code, fmt::format("cannot open a connection to {}: {}", peer_,
                                       std::generic_category().message(why)));
  }
  take(fd);
  if (::connect(fd_, address.data(), static_cast<socklen_t>(address.size())) != 0) {
    if (errno != EINPROGRESS && errno != EINTR)
      return tl::unexpected{failed(errno)};
    io_timeout until_then{std::chrono::milliseconds::max(), deadline};
    if (auto ready = wait_for(POLLOUT, until_then, {}); !ready) {
      if (loop_.interrupted())
        return ready;
      return atl::fail(atl::errc::timeout, peer_ + ": no connection in time");
    }
    int why = 0;
    socklen_t size = sizeof(why);
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &why, &size) != 0)
      why = errno;
    if (why != 0)
      return tl::unexpected{failed(why)};
  }
  return prepare();
}

atl::status tcp_socket::adopt(int fd) {
  close();
  take(fd);
  peer_ = peer_of(fd);
  auto done = prepare();
  if (!done)
    close();
  return done;
}

/// The kernel sizes the buffers: it grows them with the connection, beyond the largest permitted
/// fixed size.
atl::status tcp_socket::prepare() {
  int yes = 1;
  if (::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0)
    return tl::unexpected{failed(errno)};
  return {};
}

bool tcp_socket::is_quiet() {
  char byte = 0;
  return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && would_block(errno);
}

// -- one thing at a time ------------------------------------------------------

atl::status tcp_socket::wait_for(short events, const io_timeout& wait,
                                 steady::time_point last_progress) {
  auto deadline = wait.deadline;
  if (wait.progress != std::chrono::milliseconds::max())
    deadline = std::min(deadline, last_progress + wait.progress);
  awaited_ = events;
  while (awaited_ != 0 && loop_.run_once(deadline)) {
  }
  if (std::exchange(awaited_, short{0}) == 0)
    return {};
  return tl::unexpected{loop_.interrupted() ? interrupted() : stalled()};
}

short tcp_socket::wanted_events() const {
  auto wanted = awaited_;
  if (in_.active)
    wanted |= POLLIN;
  if (out_.active)
    wanted |= POLLOUT | POLLRDHUP;
  return wanted;
}

void tcp_socket::on_ready(short events) {
  constexpr short broken = POLLERR | POLLHUP | POLLNVAL;
  if ((events & (awaited_ | broken)) != 0)
    awaited_ = 0;
  if (in_.active && (events & (POLLIN | broken)) != 0)
    continue_reading();
  if (out_.active && (events & (POLLOUT | broken)) != 0)
    continue_writing();
  // A peer that closed while its buffers were full takes no more, and sends no reset: the kernel
  // would probe a window that never opens.
  if (out_.active && (events & POLLRDHUP) != 0) {
    out_.active = false;
    out_.outcome = tl::unexpected{ended()};
  }
}

atl::result<std::size_t> tcp_socket::read_some(std::span<const mutable_buffer> into,
                                               const io_timeout& wait) {
  auto since = steady::now();
  for (;;) {
    if (loop_.interrupted())
      return tl::unexpected{interrupted()};
    auto got = receive(fd_, into);
    if (got > 0)
      return static_cast<std::size_t>(got);
    if (got == 0)
      return tl::unexpected{ended()};
    if (!would_block(errno))
      return tl::unexpected{failed(errno)};
    if (auto ready = wait_for(POLLIN, wait, since); !ready)
      return tl::unexpected{ready.error()};
  }
}

atl::status tcp_socket::read(std::span<const mutable_buffer> into, const io_timeout& wait) {
  start_read(into);
  return finish_read(wait);
}

atl::status tcp_socket::read(void* into, std::size_t size, const io_timeout& wait) {
  mutable_buffer piece{into, size};
  return read({&piece, 1}, wait);
}

atl::status tcp_socket::peek(void* into, std::size_t size, const io_timeout& wait) {
  auto since = steady::now();
  for (ssize_t seen = 0;;) {
    if (loop_.interrupted())
      return tl::unexpected{interrupted()};
    auto got = ::recv(fd_, into, size, MSG_PEEK | MSG_DONTWAIT);
    if (got == static_cast<ssize_t>(size))
      return {};
    if (got == 0)
      return tl::unexpected{ended()};
    if (got < 0 && !would_block(errno))
      return tl::unexpected{failed(errno)};
    if (got > 0 &&
        got == seen) { // the bytes arrived in two parts, and readiness doesn't announce the second
      if (steady::now() - since > wait.progress)
        return tl::unexpected{stalled()};
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      continue;
    }
    seen = std::max<ssize_t>(got, 0);
    if (auto ready = wait_for(POLLIN, wait, since); !ready)
      return ready;
  }
}

atl::status tcp_socket::write(std::span<const const_buffer> from, const io_timeout& wait) {
  start_write(from);
  return finish_write(wait);
}

atl::status tcp_socket::write(std::string_view from, const io_timeout& wait) {
  const_buffer piece{from.data(), from.size()};
  return write({&piece, 1}, wait);
}

atl::status tcp_socket::send_file(int fd, std::uint64_t offset, std::uint64_t size,
                                  const io_timeout& wait) {
  auto at = static_cast<off_t>(offset);
  auto last_progress = steady::now();
  while (size > 0) {
    if (loop_.interrupted())
      return tl::unexpected{interrupted()};
    auto sent = ::sendfile(fd_, fd, &at, size);
    if (sent > 0) {
      size -= static_cast<std::uint64_t>(sent);
      last_progress = steady::now();
      if (last_progress > wait.deadline)
        return tl::unexpected{stalled()};
    } else if (sent == 0) {
      return atl::fail(atl::errc::io, "a file ends before the data that was to be sent");
    } else if (errno == EAGAIN) {
      if (auto ready = wait_for(POLLOUT, wait, last_progress); !ready)
        return ready;
    } else if (errno == EIO) {
      return tl::unexpected{atl::system_error(errno, "cannot read a file that was to be sent")};
    } else if (errno != EINTR) {
      return tl::unexpected{failed(errno)};
    }
  }
  return {};
}

void tcp_socket::linger_and_close() {
  ::shutdown(fd_, SHUT_WR);
  std::array<char, 16 * 1024> rest = {};
  mutable_buffer piece{rest.data(), rest.size()};
  io_timeout wait{linger_time, steady::now() + linger_time};
  while (is_open() && steady::now() < wait.deadline && read_some({&piece, 1}, wait)) {
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

template <class Buffer>
void tcp_socket::direction<Buffer>::call_off(const std::string& peer) {
  if (std::exchange(active, false))
    outcome = atl::fail(atl::errc::unavailable, "the connection with " + peer + " was closed");
}

void tcp_socket::start_read(std::span<const mutable_buffer> into) {
  in_.begin(into);
  if (in_.count > 0)
    continue_reading();
}

void tcp_socket::continue_reading() {
  in_.active = true;
  while (in_.active) {
    auto got = receive(fd_, std::span{in_.pieces.data(), in_.count});
    if (got > 0) {
      in_.active = !in_.advance(static_cast<std::size_t>(got));
    } else if (got < 0 && would_block(errno)) {
      return;
    } else {
      in_.active = false;
      in_.outcome = tl::unexpected{got == 0 ? ended() : failed(errno)};
    }
  }
}

void tcp_socket::start_write(std::span<const const_buffer> from) {
  out_.begin(from);
  if (out_.count > 0)
    continue_writing();
}

void tcp_socket::continue_writing() {
  out_.active = true;
  while (out_.active) {
    auto sent = send(fd_, std::span{out_.pieces.data(), out_.count});
    if (sent >= 0) {
      out_.active = !out_.advance(static_cast<std::size_t>(sent));
    } else if (would_block(errno)) {
      return;
    } else {
      out_.active = false;
      out_.outcome = tl::unexpected{failed(errno)};
    }
  }
}

template <class Buffer>
atl::status tcp_socket::finish(direction<Buffer>& which, const io_timeout& wait) {
  auto deadline = [&] { return std::min(which.last_progress + wait.progress, wait.deadline); };
  while (which.active) {
    // Ready bytes count even after the deadline: the thread may have been busy with other work.
    bool ran = loop_.run_once(deadline());
    if (which.active && (!ran || steady::now() >= deadline())) {
      close();
      return tl::unexpected{loop_.interrupted() ? interrupted() : stalled()};
    }
  }
  return which.outcome;
}

atl::status tcp_socket::finish_read(const io_timeout& wait) {
  return finish(in_, wait);
}

atl::status tcp_socket::finish_write(const io_timeout& wait) {
  return finish(out_, wait);
}

// -- errors -------------------------------------------------------------------

atl::error tcp_socket::failed(int error_number) const {
  if (loop_.interrupted())
    return interrupted();
  return {atl::errc::unavailable,
          fmt::format("{}: {}", peer_, std::generic_category().message(error_number))};
}

atl::error tcp_socket::ended() const {
  if (loop_.interrupted())
    return interrupted();
  return {atl::errc::unavailable, peer_ + " has closed the connection"};
}

atl::error tcp_socket::stalled() const {
  return {atl::errc::timeout, peer_ + " does not answer in time"};
}

atl::error tcp_socket::interrupted() const {
  return {atl::errc::unavailable, fmt::format("the connection with {} was interrupted", peer_)};
}

} // namespace dfs
