#include <atoll/core/logging.hpp>
#include <atoll/net/io_thread.hpp>

#include <csignal>
#include <exception>
#include <functional>
#include <utility>

namespace atl::net {

namespace {

/// Starts a thread that gets no signals from outside: they are for the main thread. Those that
/// stand for a defect of the thread itself must reach it.
std::thread start_without_signals(std::function<void()> run) {
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

} // namespace

io_thread::io_thread(const char* name)
    : name_{name}, context_{std::make_shared<boost::asio::io_context>(1)},
      work_{context_->get_executor()}, thread_{start_without_signals([this] { run(); })} {}

io_thread::~io_thread() {
  stop();
}

void io_thread::stop() {
  context_->stop();
  if (thread_.joinable())
    thread_.join();
}

/// An exception costs what was done at that moment, not the process.
void io_thread::run() {
  for (;;) {
    try {
      context_->run();
      return;
    } catch (const std::exception& problem) {
      log::error(name_, "", "the I/O thread goes on after: {}", problem.what());
    }
  }
}

} // namespace atl::net
