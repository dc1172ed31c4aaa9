#include "quiet_thread.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/net/io_thread.hpp>

#include <exception>

namespace atl::net {

io_thread::io_thread(const char* name)
    : name_{name}, context_{std::make_shared<boost::asio::io_context>(1)},
      work_{context_->get_executor()}, thread_{start_quiet_thread([this] { run(); })} {}

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
