#include "cli/interrupt_watch.hpp"

#include <pthread.h>
#include <unistd.h>
#include <utility>

namespace dfs::cli {

interrupt_watch::interrupt_watch() {
  ::sigemptyset(&signals_);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now {};
    ::sigaction(signal, nullptr, &now);
    if (now.sa_handler != SIG_IGN)
      ::sigaddset(&signals_, signal);
  }
  sigset_t blocked = signals_;
  ::sigaddset(&blocked, SIGUSR1); // wakes the thread at the end
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  ::sigaddset(&signals_, SIGUSR1);
  thread_ = std::thread{[this] { serve(); }};
}

interrupt_watch::~interrupt_watch() {
  {
    std::lock_guard lock{mutex_};
    ends_ = true;
  }
  ::pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void interrupt_watch::on_signal(std::function<void()> what) {
  std::lock_guard lock{mutex_};
  what_ = std::move(what);
}

int interrupt_watch::caught() const {
  std::lock_guard lock{mutex_};
  return caught_;
}

void interrupt_watch::serve() {
  for (;;) {
    int signal = 0;
    ::sigwait(&signals_, &signal);
    std::lock_guard lock{mutex_};
    if (ends_)
      return;
    if (signal == SIGUSR1)
      continue;
    if (!what_ || caught_ != 0)
      ::_exit(exit_code_of_signal(signal));
    caught_ = signal;
    what_();
  }
}

} // namespace dfs::cli
