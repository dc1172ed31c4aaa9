#include "quiet_thread.hpp"

#include <csignal>
#include <utility>

namespace atl::net {

std::thread start_quiet_thread(std::function<void()> run) {
  sigset_t held;
  sigset_t before;
  ::sigfillset(&held);
  for (auto own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
    ::sigdelset(&held, own);
  ::pthread_sigmask(SIG_BLOCK, &held, &before);
  try {
    std::thread started{std::move(run)}; // with the mask of this thread
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

} // namespace atl::net
