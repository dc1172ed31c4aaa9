#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

/// The other end of a connection, without the network layer. Never blocks after the constructor.
class raw_peer {
 public:
  explicit raw_peer(int fd) : fd_{fd} {
    if (fd_ < 0)
      throw std::runtime_error{"no socket: " + std::to_string(errno)};
  }
  /// Connects to a port of 127.0.0.1.
  static raw_peer connect_to(std::uint16_t port) {
    raw_peer made{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address = loopback(port);
    if (::connect(made.fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
      throw std::runtime_error{"can't connect: " + std::to_string(errno)};
    return made;
  }
  raw_peer(raw_peer&& other) noexcept
      : fd_{std::exchange(other.fd_, -1)}, received_{std::move(other.received_)},
        has_ended_{other.has_ended_}, was_reset_{other.was_reset_} {}
  raw_peer& operator=(raw_peer&& other) noexcept {
    std::swap(fd_, other.fd_);
    received_ = std::move(other.received_);
    has_ended_ = other.has_ended_;
    was_reset_ = other.was_reset_;
    return *this;
  }
  ~raw_peer() { close(); }

  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  /// @returns how many of the bytes the kernel took
  std::size_t send(std::string_view bytes) {
    auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    was_reset_ = was_reset_ || (sent < 0 && errno != EAGAIN);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }
  /// Reads what has come.
  const std::string& received() {
    char buffer[1 << 16];
    while (!has_ended_) {
      auto got = ::recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT);
      if (got > 0)
        received_.append(buffer, static_cast<std::size_t>(got));
      else if (got < 0 && errno == EAGAIN)
        break;
      else {
        has_ended_ = true;
        was_reset_ = was_reset_ || got < 0;
      }
    }
    return received_;
  }
  bool has_ended() {
    received();
    return has_ended_;
  }
  /// Whether the connection was reset, even after an orderly end of what it received.
  bool was_reset() {
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    was_reset_ = was_reset_ || error != 0;
    return was_reset_;
  }
  void close() {
    if (fd_ >= 0)
      ::close(std::exchange(fd_, -1));
  }
  /// Resets the connection.
  void abort() {
    linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close();
  }

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }

 private:
  int fd_;
  std::string received_;
  bool has_ended_ = false;
  bool was_reset_ = false;
};

/// A port of 127.0.0.1 that accepts only when the test says so.
class raw_listener {
 public:
  explicit raw_listener(int backlog = 16) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    auto address = raw_peer::loopback(0);
    socklen_t size = sizeof(address);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(fd_, backlog) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error{"can't listen: " + std::to_string(errno)};
    port_ = ntohs(address.sin_port);
  }
  raw_listener(const raw_listener&) = delete;
  raw_listener& operator=(const raw_listener&) = delete;
  ~raw_listener() { close(); }

  std::uint16_t port() const { return port_; }
  bool has_waiting() const {
    pollfd ready{fd_, POLLIN, 0};
    return ::poll(&ready, 1, 0) == 1;
  }
  /// @pre a connection waits
  raw_peer accept() { return raw_peer{::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)}; }
  void close() {
    if (fd_ >= 0)
      ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};
