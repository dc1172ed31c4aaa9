#include "stop_waiter.hpp"

#include <atoll/core/logging.hpp>

#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace atl::node {

namespace {

constexpr int ending_signals[] = {SIGTERM, SIGINT};
/// Log rotation and service managers send these signals to make a program reload files.
constexpr int survived_signals[] = {SIGHUP, SIGUSR1, SIGUSR2};
/// A closed connection and a limit on file sizes are reported as errors of a write.
constexpr int ignored_signals[] = {SIGPIPE, SIGXFSZ};

bool ends_node(int number) {
  for (auto ending : ending_signals)
    if (number == ending)
      return true;
  return false;
}

/// The number of a received signal; 0: none.
int take_signal(int from) {
  signalfd_siginfo info{};
  auto got = ::read(from, &info, sizeof(info));
  return got == sizeof(info) ? static_cast<int>(info.ssi_signo) : 0;
}

template <std::size_t Count>
sigset_t set_of(const int (&numbers)[Count]) {
  sigset_t made;
  sigemptyset(&made);
  for (auto number : numbers)
    sigaddset(&made, number);
  return made;
}

} // namespace

void stop_waiter::hold_survived_signals() {
  auto held = set_of(survived_signals);
  ::pthread_sigmask(SIG_BLOCK, &held, nullptr);
  for (auto number : ignored_signals)
    ::signal(number, SIG_IGN);
}

result<stop_waiter> stop_waiter::make() {
  auto waited = set_of(ending_signals);
  for (auto number : survived_signals)
    sigaddset(&waited, number);
  ::pthread_sigmask(SIG_BLOCK, &waited, nullptr);
  stop_waiter made{::signalfd(-1, &waited, SFD_CLOEXEC | SFD_NONBLOCK),
                   ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (made.signals_ < 0 || made.wakes_ < 0)
    return tl::unexpected{system_error(errno, "preparing to wait for signals")};
  return made;
}

stop_waiter::stop_waiter(stop_waiter&& other) noexcept
    : signals_{std::exchange(other.signals_, -1)}, wakes_{std::exchange(other.wakes_, -1)} {}

stop_waiter::~stop_waiter() {
  for (auto number : {signals_, wakes_})
    if (number >= 0)
      ::close(number);
}

void stop_waiter::wake() const {
  std::uint64_t one = 1;
  [[maybe_unused]] auto written =
      ::write(wakes_, &one, sizeof(one)); // a full counter wakes as well
}

int stop_waiter::wait() const {
  for (;;) {
    pollfd ready[] = {{signals_, POLLIN, 0}, {wakes_, POLLIN, 0}};
    if (::poll(ready, std::size(ready), -1) < 0)
      continue; // EINTR
    if (ready[1].revents != 0) {
      std::uint64_t wakes = 0;
      [[maybe_unused]] auto got =
          ::read(wakes_, &wakes, sizeof(wakes)); // the next call waits again
      return 0;
    }
    auto number = take_signal(signals_);
    if (ends_node(number))
      return number;
    if (number != 0)
      log::info("node", "",
                "goes on after SIG{}: nothing is reopened or read again; SIGTERM "
                "stops the node",
                ::sigabbrev_np(number));
  }
}

} // namespace atl::node
