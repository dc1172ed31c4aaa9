#include <atoll/core/crc32c.hpp>
#include <atoll/net/channel.hpp>
#include <atoll/net/net_limits.hpp>

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>
#include <utility>

namespace atl::net {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t header_bytes = 8;
constexpr std::size_t pieces_max = 64; ///< of one system call
/// The memory of a queued message beside its bytes, as an estimate. Counted because thousands of
/// small messages take more memory than their bytes say.
constexpr std::size_t queue_overhead_bytes = 128;

/// Finds a peer whose machine has gone without a word, if nothing is sent to it.
constexpr int keepalive_idle_seconds = 10;
constexpr int keepalive_interval_seconds = 5;
constexpr int keepalive_probes = 3;

struct frame_header {
  std::uint32_t size = 0;
  std::uint32_t crc = 0;
};

frame_header parse_header(std::string_view bytes) {
  frame_header header;
  std::memcpy(&header.size, bytes.data(), sizeof(header.size));
  std::memcpy(&header.crc, bytes.data() + sizeof(header.size), sizeof(header.crc));
  return header;
}

void keep_alive(int fd) {
  auto set = [fd](int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof(value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
}

/// What is read before it is known to be a whole message; one for each thread, for it is empty
/// between two calls.
std::string& scratch() {
  thread_local std::string buffer(read_turn_bytes, '\0');
  return buffer;
}

bool would_block(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK;
}

} // namespace

std::shared_ptr<channel> channel::open(tcp::socket socket, settings limits, handlers then,
                                       std::shared_ptr<void> place) {
  auto made =
      std::make_shared<channel>(std::move(socket), limits, std::move(then), std::move(place));
  made->wait_for_bytes();
  return made;
}

channel::channel(tcp::socket socket, settings limits, handlers then, std::shared_ptr<void> place)
    : socket_{std::move(socket)}, limits_{limits},
      then_{std::make_shared<handlers>(std::move(then))}, place_{std::move(place)} {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay{true}, ignored);
  keep_alive(socket_.native_handle());
}

void channel::close() {
  if (!std::exchange(is_open_, false))
    return;
  error_code ignored;
  socket_.close(ignored);
  place_.reset();
  queue_.clear();
  partial_ = {};
  queued_bytes_ = 0;
  // One of the handlers may be what calls this function.
  boost::asio::post(socket_.get_executor(), [released = std::exchange(then_, nullptr)] {});
}

void channel::close_soon() {
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] { self->close(); });
}

void channel::fail(errc code, std::string text) {
  if (!is_open_)
    return;
  auto handlers = then_;
  close();
  if (handlers->on_closed)
    handlers->on_closed({code, std::move(text)});
}

// -- receiving ----------------------------------------------------------------

void channel::wait_for_bytes() {
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code problem) {
    if (problem)
      return self->fail(errc::io, problem.message());
    self->on_readable();
  });
}

void channel::on_readable() {
  if (!is_open_)
    return;
  auto& buffer = scratch();
  auto got = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
  if (got == 0)
    return fail(errc::unavailable, "the peer closed the connection");
  if (got < 0 && !would_block(errno) && errno != EINTR)
    return fail(errc::unavailable, std::generic_category().message(errno));
  if (got > 0 && !take_in({buffer.data(), static_cast<std::size_t>(got)}))
    return;
  if (is_open_)
    wait_for_bytes();
}

/// @returns false if the channel is closed now.
bool channel::take_in(std::string_view bytes) {
  while (!bytes.empty()) {
    if (partial_.empty() && bytes.size() >= header_bytes) {
      auto header = parse_header(bytes);
      if (!on_header(bytes))
        return false;
      if (bytes.size() - header_bytes >= header.size) { // the whole message is here
        if (!deliver(bytes.substr(0, header_bytes + header.size)))
          return false;
        bytes.remove_prefix(header_bytes + header.size);
        continue;
      }
    }
    auto had = partial_.size();
    auto wanted = had < header_bytes ? header_bytes : header_bytes + parse_header(partial_).size;
    auto taken = std::min(bytes.size(), wanted - had);
    partial_.append(bytes.substr(0, taken)); // grows with what has arrived
    bytes.remove_prefix(taken);
    if (had < header_bytes && partial_.size() >= header_bytes && !on_header(partial_))
      return false;
    if (partial_.size() >= header_bytes &&
        partial_.size() == header_bytes + parse_header(partial_).size) {
      auto message = std::exchange(partial_, {});
      if (!deliver(message))
        return false;
    }
  }
  return true;
}

bool channel::on_header(std::string_view header) {
  auto size = parse_header(header).size;
  if (size <= limits_.message_bytes_max)
    return true;
  fail(errc::corrupt, fmt::format("the peer announces a message of {} bytes, above the limit of {}",
                                  size, limits_.message_bytes_max));
  return false;
}

/// @param message with its header
bool channel::deliver(std::string_view message) {
  auto header = parse_header(message);
  message.remove_prefix(header_bytes);
  if (crc32c(message) != header.crc) {
    fail(errc::corrupt, "a message of the peer was damaged on its way");
    return false;
  }
  // The handler may close the channel and release it.
  auto alive = shared_from_this();
  auto handlers = then_;
  try {
    handlers->on_message(message);
  } catch (const std::exception& problem) {
    // A message that was not served must not be skipped in silence.
    fail(errc::internal, fmt::format("a message of the peer was not served: {}", problem.what()));
  }
  return is_open_;
}

// -- sending ------------------------------------------------------------------

bool channel::send(std::string_view head, std::string body) {
  auto size = head.size() + body.size();
  if (!is_open_ || size > limits_.message_bytes_max ||
      queued_bytes_ + queue_.size() * queue_overhead_bytes + size > limits_.queue_bytes_max)
    return false;
  frame_header header{static_cast<std::uint32_t>(size), crc32c(body, crc32c(head))};
  outgoing next;
  next.front.reserve(header_bytes + head.size());
  next.front.append(reinterpret_cast<const char*>(&header), sizeof(header));
  next.front.append(head);
  next.body = std::move(body);
  queued_bytes_ += next.front.size() + next.body.size();
  queue_.push_back(std::move(next));
  schedule_flush();
  return true;
}

/// Messages that are sent at the same time share a system call.
void channel::schedule_flush() {
  if (std::exchange(is_flush_scheduled_, true))
    return;
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] { self->flush(); });
}

void channel::flush() {
  is_flush_scheduled_ = false;
  std::size_t sent_in_turn = 0;
  while (is_open_ && !queue_.empty()) {
    if (sent_in_turn >= write_turn_bytes)
      return schedule_flush();
    std::array<iovec, pieces_max> pieces{};
    std::size_t count = 0;
    auto skipped = sent_of_first_;
    auto room = write_turn_bytes - sent_in_turn;
    auto add = [&](std::string& text) {
      auto gone = std::min(skipped, text.size());
      skipped -= gone;
      auto size = std::min(text.size() - gone, room);
      room -= size;
      if (size > 0)
        pieces[count++] = {text.data() + gone, size};
    };
    for (auto& each : queue_) {
      if (count + 2 > pieces_max || room == 0)
        break;
      add(each.front);
      add(each.body);
    }
    msghdr message = {};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    auto sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      sent_in_turn += static_cast<std::size_t>(sent);
      drop_sent(static_cast<std::size_t>(sent));
    } else if (sent < 0 && would_block(errno)) {
      is_flush_scheduled_ = true;
      socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code problem) {
        if (problem)
          return self->fail(errc::io, problem.message());
        self->flush();
      });
      return;
    } else if (sent < 0 && errno != EINTR) {
      return fail(errc::unavailable, std::generic_category().message(errno));
    }
  }
}

bool channel::is_stuck() {
  return std::exchange(is_idle_since_check_, !queue_.empty()) && !queue_.empty();
}

void channel::drop_sent(std::size_t bytes) {
  is_idle_since_check_ = false;
  queued_bytes_ -= bytes;
  sent_of_first_ += bytes;
  while (!queue_.empty()) {
    auto size = queue_.front().front.size() + queue_.front().body.size();
    if (sent_of_first_ < size)
      break;
    sent_of_first_ -= size;
    queue_.pop_front();
  }
}

} // namespace atl::net
