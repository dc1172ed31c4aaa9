#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace free_port_details {

/// Ports below those that the system gives to outgoing connections: one of those may be
/// taken by any connection on the machine between the choice of the port and its use, and whenever
/// the node that has it is restarted.
constexpr unsigned lowest = 10'000;
constexpr unsigned highest = 32'000;

inline bool nobody_listens(std::uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  auto bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return bound;
}

/// Reserves the port against tests that run at the same time, until this process ends.
inline bool reserve(std::uint16_t port) {
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto name = "atoll-test-port-" + std::to_string(port);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1,
            name.size()); // a leading zero byte: an abstract name without a file
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  auto bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0;
  if (!bound)
    ::close(fd);
  return bound;
}

} // namespace free_port_details

/// A free port of 127.0.0.1, which only this process gets.
inline std::uint16_t free_port() {
  namespace details = free_port_details;
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<unsigned> any{details::lowest, details::highest};
  for (int attempt = 0; attempt < 1000; ++attempt)
    if (auto port = static_cast<std::uint16_t>(any(random));
        details::nobody_listens(port) && details::reserve(port))
      return port;
  throw std::runtime_error("no free port");
}
