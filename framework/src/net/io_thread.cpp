#include <atoll/core/logging.hpp>
#include <atoll/net/io_thread.hpp>

#include <csignal>
#include <exception>

namespace atl::net {

io_thread::io_thread(const char* name)
    : name_{name}, context_{std::make_shared<boost::asio::io_context>(1)},
      work_{context_->get_executor()}, thread_{[this] { run(); }} {}

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
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr); // signals are for the main thread
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
