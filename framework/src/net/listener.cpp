#include "listener.hpp"

#include <atoll/core/log_limiter.hpp>
#include <atoll/core/logging.hpp>
#include <atoll/net/net_limits.hpp>
#include <atoll/net/resolve.hpp>

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <fcntl.h>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace atl::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int backlog = 1024;
constexpr int accepted_in_a_turn = 64;
constexpr std::chrono::milliseconds shortage_pause{100};
/// For a name server, once, when the port is opened.
constexpr std::chrono::seconds resolve_timeout{5};

int open_spare() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

result<tcp::endpoint> address_of(const endpoint& where) {
  auto found = resolve(where, std::chrono::steady_clock::now() + resolve_timeout);
  if (!found)
    return tl::unexpected{found.error()};
  return found->front();
}

/// Takes the peer's first bytes: closing a connection with unread bytes resets it, and the peer
/// might lose the farewell.
void part(int fd, std::string_view farewell) {
  std::array<char, handshake_message_bytes_max> unread{};
  (void)::recv(fd, unread.data(), unread.size(), MSG_DONTWAIT);
  (void)::send(fd, farewell.data(), farewell.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(fd);
}

} // namespace

result<endpoint> loopback_of(const endpoint& where) {
  auto address = address_of(where);
  if (!address)
    return tl::unexpected{address.error()};
  auto ip = address->address();
  if (ip.is_loopback())
    return where;
  if (ip.is_unspecified())
    return endpoint{ip.is_v4() ? "127.0.0.1" : "::1", where.port};
  return fail(errc::refused,
              fmt::format("can't listen on {}: other machines reach that address, and there is no "
                          "secret by which to know who belongs to the cluster; give all "
                          "nodes and clients one file of a secret, and name it in "
                          "cluster.secret_file",
                          to_string(where)));
}

listener::listener(asio::io_context& context, on_connection accepted, std::string farewell)
    : context_{context}, accepted_{std::move(accepted)}, farewell_{std::move(farewell)},
      acceptor_{context}, pause_{context}, spare_{open_spare()} {}

listener::~listener() {
  if (spare_ >= 0)
    ::close(spare_);
}

result<std::shared_ptr<listener>> listener::open(asio::io_context& context, const endpoint& where,
                                                 on_connection accepted, std::string farewell) {
  auto made = std::make_shared<listener>(context, std::move(accepted), std::move(farewell));
  if (auto bound = made->bind(where); !bound)
    return tl::unexpected{bound.error()};
  made->wait();
  return made;
}

status listener::bind(const endpoint& where) {
  auto address = address_of(where);
  if (!address)
    return tl::unexpected{address.error()};
  try {
    acceptor_.open(address->protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address{true});
    acceptor_.bind(*address);
    acceptor_.listen(backlog);
    acceptor_.non_blocking(true);
    where_ = {where.host, acceptor_.local_endpoint().port()};
  } catch (const boost::system::system_error& problem) {
    return fail(errc::unavailable,
                fmt::format("can't listen on {}: {}: is the port in use by another process, or the "
                            "address not of this machine?",
                            to_string(where), problem.code().message()));
  }
  return {};
}

void listener::close() {
  accepted_ = nullptr;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

void listener::wait() {
  acceptor_.async_wait(tcp::acceptor::wait_read, [self = shared_from_this()](error_code problem) {
    if (!problem && self->accepted_)
      self->accept_waiting();
  });
}

void listener::accept_waiting() {
  for (int i = 0; i < accepted_in_a_turn && accepted_; ++i) {
    auto fd = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
      hand_on(fd);
    else if (errno == EAGAIN)
      break;
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      return on_shortage(errno);
    // Otherwise the connection has failed before it was accepted: the next one may be fine.
  }
  if (accepted_)
    wait();
}

void listener::hand_on(int fd) {
  tcp::socket socket{context_};
  error_code problem;
  socket.assign(acceptor_.local_endpoint(problem).protocol(), fd, problem);
  if (problem) {
    ::close(fd);
    return;
  }
  socket.non_blocking(true, problem);
  try {
    accepted_(std::move(socket));
  } catch (const std::exception& failure) { // out of memory; costs this connection, not the port
    log::error("net", "", "closed a connection to {}: {}", to_string(where_), failure.what());
  }
}

/// Out of descriptors or memory: an immediate retry would only burn the processor.
void listener::on_shortage(int error_number) {
  static log_limiter limiter;
  if (auto held_back = limiter.pass())
    log::error("net", "",
               "can't accept connections on {}: {}; those that wait are turned away ({} more like "
               "this)",
               to_string(where_), std::generic_category().message(error_number), *held_back);
  turn_away_waiting();
  pause_.expires_after(shortage_pause);
  pause_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled && self->accepted_)
      self->wait();
  });
}

void listener::turn_away_waiting() {
  if (spare_ >= 0)
    ::close(std::exchange(spare_, -1));
  for (int i = 0; i < backlog; ++i) {
    auto fd = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
      break;
    part(fd, farewell_);
  }
  spare_ = open_spare();
}

} // namespace atl::net
