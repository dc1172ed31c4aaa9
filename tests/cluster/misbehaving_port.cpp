#include "misbehaving_port.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

constexpr std::string_view http_response = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
constexpr int poll_interval_ms = 50;

} // namespace

misbehaving_port::misbehaving_port(std::uint16_t port, int backlog) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  auto address = loopback(port);
  auto bound = ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  REQUIRE_MESSAGE(bound == 0, "port " << port << ": " << std::strerror(errno));
  REQUIRE(::listen(listener_, backlog) == 0);
}

misbehaving_port::~misbehaving_port() {
  ::close(listener_);
}

silent_port::silent_port(std::uint16_t port) : misbehaving_port{port, 0} {
  auto address = loopback(port);
  for (auto& queued : queued_) {
    queued = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ::connect(queued, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  }
}

silent_port::~silent_port() {
  for (auto queued : queued_)
    ::close(queued);
}

http_port::http_port(std::uint16_t port)
    : misbehaving_port{port, SOMAXCONN}, thread_{[this] { serve(); }} {}

http_port::~http_port() {
  stopping_ = true;
  thread_.join();
}

void http_port::serve() {
  std::vector<pollfd> sockets{{listener_, POLLIN, 0}};
  char buffer[4096];
  while (!stopping_) {
    ::poll(sockets.data(), sockets.size(), poll_interval_ms);
    for (std::size_t i = sockets.size(); i-- > 1;) {
      if (sockets[i].revents == 0)
        continue;
      if (::recv(sockets[i].fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0) {
        ::send(sockets[i].fd, http_response.data(), http_response.size(), MSG_NOSIGNAL);
        continue;
      }
      ::close(sockets[i].fd);
      sockets.erase(sockets.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (sockets[0].revents == 0)
      continue;
    int accepted = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted >= 0)
      sockets.push_back({accepted, POLLIN, 0});
  }
  for (std::size_t i = 1; i < sockets.size(); ++i)
    ::close(sockets[i].fd);
}
