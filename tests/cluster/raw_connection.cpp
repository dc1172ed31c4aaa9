#include "raw_connection.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace {

void limit_waits(int descriptor) {
  timeval limit{raw_connection::timeout.count(), 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

} // namespace

raw_connection::raw_connection(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE_MESSAGE(descriptor_ >= 0, std::strerror(errno));
  limit_waits(descriptor_);
  auto connected = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  REQUIRE_MESSAGE(connected == 0, "port " << port << ": " << std::strerror(errno));
}

raw_connection raw_connection::adopt(int descriptor) {
  raw_connection adopted;
  adopted.descriptor_ = descriptor;
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
  limit_waits(descriptor);
  return adopted;
}

raw_connection::raw_connection(raw_connection&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)} {}

raw_connection& raw_connection::operator=(raw_connection&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

raw_connection::~raw_connection() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

bool raw_connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void raw_connection::end_sending() {
  ::shutdown(descriptor_, SHUT_WR);
}

bool raw_connection::is_closed() const {
  pollfd state{descriptor_, POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0;
}

std::string raw_connection::receive_all() {
  std::string received;
  std::array<char, 4096> buffer{};
  for (;;) {
    auto got = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      FAIL("the node doesn't close the connection within " << timeout.count() << " s");
    if (got <= 0)
      return received;
    received.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

std::string raw_connection::receive(std::size_t size) {
  std::string received(size, '\0');
  auto got = ::recv(descriptor_, received.data(), size, MSG_WAITALL);
  received.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return received;
}
