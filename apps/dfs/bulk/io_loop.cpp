#include "bulk/io_loop.hpp"

#include "bulk/socket.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <thread>

namespace dfs {

int poll_timeout(steady::time_point deadline) {
  constexpr std::chrono::milliseconds longest{60'000};
  auto now = steady::now();
  if (deadline <= now)
    return 0;
  if (deadline - now > longest)
    return static_cast<int>(longest.count());
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count());
}

void io_loop::interrupt() {
  std::lock_guard lock{mutex_};
  interrupted_ = true;
  for (auto* each : sockets_)
    ::shutdown(each->fd_, SHUT_RDWR); // wakes the thread that waits for it
}

void io_loop::add(tcp_socket& socket) {
  std::lock_guard lock{mutex_};
  sockets_.push_back(&socket);
}

void io_loop::remove(tcp_socket& socket) {
  std::lock_guard lock{mutex_};
  std::erase(sockets_, &socket);
}

bool io_loop::run_once(steady::time_point deadline) {
  std::vector<pollfd> polled;
  polled.reserve(sockets_.size());
  for (const auto* each : sockets_) { // only this thread changes the list
    auto events = each->wanted_events();
    polled.push_back({events == 0 ? -1 : each->fd_, events,
                      0}); // otherwise poll would report its end again and again
  }
  for (;;) {
    if (interrupted_)
      return false;
    auto ready = ::poll(polled.data(), polled.size(), poll_timeout(deadline));
    if (ready > 0)
      break;
    if (steady::now() >= deadline)
      return false;
    if (ready < 0 && errno != EINTR) // the kernel is short of memory
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  if (interrupted_)
    return false;
  auto sockets = sockets_; // a handler may close one
  for (std::size_t i = 0; i < sockets.size(); ++i)
    if (polled[i].revents != 0 && std::ranges::count(sockets_, sockets[i]) > 0)
      sockets[i]->on_ready(polled[i].revents);
  return true;
}

} // namespace dfs
