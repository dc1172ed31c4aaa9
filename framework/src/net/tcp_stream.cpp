#include "socket_calls.hpp"
#include "tcp_stream_state.hpp"

#include <atoll/net/net_limits.hpp>
#include <atoll/net/tcp_stream.hpp>
#include <atoll/net/worker_pool.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/sendfile.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unistd.h>
#include <utility>

namespace atl::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using clock = io_timeout::clock;

error not_open() {
  return {errc::unavailable, "the connection is closed"};
}

/// When a transfer that made its last progress at `last` has waited for long enough.
clock::time_point give_up_time(clock::time_point last, const io_timeout& wait) {
  constexpr std::chrono::hours longest{24};
  return std::min(last + std::min<std::chrono::milliseconds>(wait.progress, longest),
                  wait.deadline);
}

} // namespace

// -- opening and closing ------------------------------------------------------

tcp_stream::tcp_stream(std::shared_ptr<state> open) : state_{std::move(open)} {}

tcp_stream::tcp_stream(tcp::socket connected)
    : state_{std::make_shared<state>(std::move(connected), std::string{})} {
  state_->peer = peer_of(state_->socket.native_handle());
  state_->prepare();
}

result<tcp_stream> tcp_stream::adopt(asio::io_context& context, int fd) {
  tcp::socket socket{context};
  boost::system::error_code problem;
  socket.assign(protocol_of(fd), fd, problem);
  if (problem) {
    ::close(fd);
    return fail(errc::unavailable, "cannot watch a connection: " + problem.message());
  }
  return tcp_stream{std::move(socket)};
}

tcp_stream& tcp_stream::operator=(tcp_stream&& other) noexcept {
  close();
  state_ = std::move(other.state_);
  return *this;
}

tcp_stream::~tcp_stream() {
  close();
}

bool tcp_stream::is_open() const {
  return state_ != nullptr;
}

void tcp_stream::close() {
  if (auto closed = std::exchange(state_, nullptr))
    closed->close();
}

int tcp_stream::release() {
  return std::exchange(state_, nullptr)->release();
}

status tcp_stream::move_to(asio::io_context& context) {
  if (&state_->socket.get_executor().context() == &context)
    return {};
  auto peer = state_->peer;
  auto fd = release();
  tcp::socket socket{context};
  boost::system::error_code problem;
  socket.assign(protocol_of(fd), fd, problem);
  if (problem) {
    ::close(fd);
    return fail(errc::unavailable, peer + ": cannot watch the connection: " + problem.message());
  }
  state_ = std::make_shared<state>(std::move(socket), std::move(peer));
  return {};
}

bool tcp_stream::is_quiet() const {
  char byte = 0;
  return state_ && ::recv(native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         would_block(errno);
}

int tcp_stream::native_handle() const {
  return state_ ? state_->socket.native_handle() : -1;
}

const std::string& tcp_stream::peer() const {
  static const std::string none = "no peer";
  return state_ ? state_->peer : none;
}

// -- receiving ----------------------------------------------------------------

asio::awaitable<result<std::size_t>> tcp_stream::read_some(std::span<const mutable_buffer> into,
                                                           io_timeout wait) {
  auto open = state_;
  if (!open)
    co_return tl::unexpected{not_open()};
  pieces<mutable_buffer> all{into};
  auto give_up = give_up_time(clock::now(), wait);
  // Bytes that are ready count even after the deadline: the thread may have been busy.
  for (bool late = false;;) {
    if (open->is_closed)
      co_return tl::unexpected{open->interrupted()};
    auto got = receive(open->socket.native_handle(), all.rest());
    if (got > 0)
      co_return static_cast<std::size_t>(got);
    if (got == 0)
      co_return tl::unexpected{open->ended()};
    if (!would_block(errno))
      co_return tl::unexpected{open->failed(errno)};
    if (late)
      co_return tl::unexpected{open->stalled()};
    late = !co_await open->wait_for(state::reading, give_up);
  }
}

asio::awaitable<status> tcp_stream::read(std::span<const mutable_buffer> into, io_timeout wait) {
  auto open = state_;
  if (!open)
    co_return tl::unexpected{not_open()};
  pieces<mutable_buffer> all{into};
  auto last_progress = clock::now();
  std::size_t in_turn = 0;
  bool late = false;
  while (!all.done()) {
    if (open->is_closed)
      co_return tl::unexpected{open->interrupted()};
    auto got = receive(open->socket.native_handle(), all.rest());
    if (got > 0) {
      late = false;
      all.advance(static_cast<std::size_t>(got));
      last_progress = clock::now();
      if (!all.done() && last_progress > wait.deadline)
        co_return tl::unexpected{open->stalled()};
      in_turn += static_cast<std::size_t>(got);
    } else if (got == 0) {
      co_return tl::unexpected{open->ended()};
    } else if (!would_block(errno)) {
      co_return tl::unexpected{open->failed(errno)};
    } else if (late) {
      co_return tl::unexpected{open->stalled()};
    } else {
      late = !co_await open->wait_for(state::reading, give_up_time(last_progress, wait));
      in_turn = 0;
    }
    if (in_turn >= stream_turn_bytes && !all.done()) {
      in_turn = 0;
      co_await asio::post(asio::use_awaitable);
    }
  }
  co_return status{};
}

asio::awaitable<status> tcp_stream::read(void* into, std::size_t size, io_timeout wait) {
  std::array<mutable_buffer, 1> piece{mutable_buffer{into, size}};
  co_return co_await read(piece, wait);
}

// -- sending ------------------------------------------------------------------

asio::awaitable<status> tcp_stream::write(std::span<const const_buffer> from, io_timeout wait) {
  auto open = state_;
  if (!open)
    co_return tl::unexpected{not_open()};
  pieces<const_buffer> all{from};
  auto last_progress = clock::now();
  std::size_t in_turn = 0;
  bool late = false;
  while (!all.done()) {
    if (open->is_closed)
      co_return tl::unexpected{open->interrupted()};
    auto sent = send(open->socket.native_handle(), all.rest());
    if (sent >= 0) {
      late = false;
      all.advance(static_cast<std::size_t>(sent));
      last_progress = clock::now();
      if (!all.done() && last_progress > wait.deadline)
        co_return tl::unexpected{open->stalled()};
      in_turn += static_cast<std::size_t>(sent);
    } else if (!would_block(errno)) {
      co_return tl::unexpected{open->failed(errno)};
    } else if (open->has_peer_ended) {
      co_return tl::unexpected{open->ended()};
    } else if (late) {
      co_return tl::unexpected{open->stalled()};
    } else {
      late = !co_await open->wait_for(state::writing, give_up_time(last_progress, wait));
      in_turn = 0;
    }
    if (in_turn >= stream_turn_bytes && !all.done()) {
      in_turn = 0;
      co_await asio::post(asio::use_awaitable);
    }
  }
  co_return status{};
}

asio::awaitable<status> tcp_stream::write(std::string_view from, io_timeout wait) {
  std::array<const_buffer, 1> piece{const_buffer{from.data(), from.size()}};
  co_return co_await write(piece, wait);
}

asio::awaitable<status> tcp_stream::send_file(int file, std::uint64_t offset, std::uint64_t size,
                                              io_timeout wait, worker_pool& disk) {
  auto open = state_;
  if (!open)
    co_return tl::unexpected{not_open()};
  auto last_progress = clock::now();
  bool late = false;
  while (size > 0) {
    if (open->is_closed)
      co_return tl::unexpected{open->interrupted()};
    file_piece piece{open->socket.native_handle(), file, offset,
                     std::min<std::uint64_t>(size, stream_turn_bytes)};
    if (piece.is_in_memory()) {
      piece.send();
    } else {
      state::loan lent{*open}; // the descriptor stays open meanwhile
      auto send = [&piece] { piece.send(); };
      co_await on(disk, send);
    }
    if (piece.sent > 0) {
      late = false;
      offset += piece.sent;
      size -= piece.sent;
      last_progress = clock::now();
      if (size > 0 && last_progress > wait.deadline)
        co_return tl::unexpected{open->stalled()};
      if (size > 0 && piece.sent == piece.size)
        co_await asio::post(asio::use_awaitable);
    } else if (piece.has_file_ended) {
      co_return fail(errc::io, "a file ends before the data that was to be sent");
    } else if (piece.error_number == EIO) {
      co_return tl::unexpected{system_error(EIO, "cannot read a file that was to be sent")};
    } else if (!would_block(piece.error_number)) {
      co_return tl::unexpected{open->failed(piece.error_number)};
    } else if (open->has_peer_ended) {
      co_return tl::unexpected{open->ended()};
    } else if (late) {
      co_return tl::unexpected{open->stalled()};
    } else {
      late = !co_await open->wait_for(state::writing, give_up_time(last_progress, wait));
    }
  }
  co_return status{};
}

asio::awaitable<void> tcp_stream::linger_and_close(std::chrono::milliseconds longest) {
  if (!state_)
    co_return;
  auto open = state_;
  ::shutdown(open->socket.native_handle(), SHUT_WR);
  std::array<char, 1024> rest;
  std::array<mutable_buffer, 1> piece{mutable_buffer{rest.data(), rest.size()}};
  io_timeout wait{longest, clock::now() + longest};
  for (bool more = true; more && clock::now() < wait.deadline;) {
    auto got = co_await read_some(piece, wait);
    more = got.has_value();
  }
  open->close();
  if (state_ == open)
    state_.reset();
}

} // namespace atl::net
