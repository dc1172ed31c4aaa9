#include "port_guard.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/core/open_files.hpp>

#include <arpa/inet.h>
#include <linux/tcp.h> // <netinet/tcp.h> lacks the count of received bytes
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <dirent.h>
#include <exception>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

namespace atl::runtime {

namespace {

constexpr std::chrono::milliseconds interval{100};
constexpr std::chrono::seconds log_interval{10};
/// A node or client sends its half of CAF's handshake within a round trip.
constexpr std::uint32_t silent_ms_max = 1000;
constexpr std::size_t turned_away_at_once_max = 4096;

int open_spare() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

} // namespace

/// Lists the open files of this process. Takes a descriptor at construction, because later none may
/// be left.
class port_guard::open_descriptors {
 public:
  open_descriptors() : folder_{::opendir("/proc/self/fd"), &::closedir} {}

  void for_each(const std::function<void(int)>& visit) {
    if (!folder_)
      return;
    ::rewinddir(folder_.get());
    while (auto* entry = ::readdir(folder_.get()))
      if (entry->d_name[0] != '.')
        visit(std::atoi(entry->d_name));
  }
  std::uint64_t count() {
    std::uint64_t all = 0;
    for_each([&](int) { ++all; });
    return all;
  }

 private:
  std::unique_ptr<DIR, int (*)(DIR*)> folder_;
};

namespace {

template <class T>
std::optional<T> option(int fd, int level, int name) {
  T value{};
  auto size = static_cast<socklen_t>(sizeof(value));
  if (::getsockopt(fd, level, name, &value, &size) != 0)
    return std::nullopt;
  return value;
}

/// The local port of a TCP socket; none for other files.
std::optional<std::uint16_t> port_of(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (option<int>(fd, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return std::nullopt;
  if (address.ss_family == AF_INET)
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return std::nullopt;
}

bool is_listening(int fd) {
  return option<int>(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

/// Has the peer been connected for longer than a handshake takes without sending a byte?
bool is_silent(int fd) {
  auto info = option<tcp_info>(fd, IPPROTO_TCP, TCP_INFO);
  return info && info->tcpi_bytes_received == 0 && info->tcpi_last_data_recv > silent_ms_max;
}

} // namespace

port_guard::port_guard(std::uint16_t port)
    : port_{port}, limit_{open_files_limit()}, reserve_{std::clamp<std::uint64_t>(limit_ / 16, 16,
                                                                                  256)},
      descriptors_{std::make_unique<open_descriptors>()}, spare_{open_spare()}, thread_{[this] {
        run();
      }} {}

port_guard::~port_guard() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (spare_ >= 0)
    ::close(spare_);
}

void port_guard::run() {
  auto next_log = std::chrono::steady_clock::now();
  std::unique_lock lock{mutex_};
  while (!changed_.wait_for(lock, interval, [this] { return stopping_; })) {
    try {
      if (descriptors_->count() + reserve_ < limit_)
        continue;
      auto turned_away = turn_away_waiting();
      auto silent = hang_up_on_silent();
      if (auto now = std::chrono::steady_clock::now(); now >= next_log) {
        next_log = now + log_interval;
        log::warning("node", "",
                     "nearly all of the {} files that this process may have open are in use: {} "
                     "new connections to port {} were turned away and {} silent ones closed; raise "
                     "the limit ('ulimit -n', LimitNOFILE) if they are the cluster's own",
                     limit_, turned_away, port_, silent);
      }
    } catch (const std::exception&) { // out of memory: the next round may have some
    }
  }
}

std::size_t port_guard::turn_away_waiting() {
  int listener = -1;
  descriptors_->for_each([&](int fd) {
    if (is_listening(fd) && port_of(fd) == port_)
      listener = fd;
  });
  if (listener < 0)
    return 0;
  if (spare_ >= 0)
    ::close(std::exchange(spare_, -1));
  std::size_t turned_away = 0;
  while (turned_away < turned_away_at_once_max) {
    auto fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
      break;
    ::close(fd);
    ++turned_away;
  }
  spare_ = open_spare();
  return turned_away;
}

std::size_t port_guard::hang_up_on_silent() {
  std::size_t silent = 0;
  descriptors_->for_each([&](int fd) {
    if (port_of(fd) == port_ && !is_listening(fd) && is_silent(fd) &&
        ::shutdown(fd, SHUT_RDWR) == 0) // CAF reads the end of the stream and closes the socket
      ++silent;
  });
  return silent;
}

} // namespace atl::runtime
