#pragma once

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>

namespace dfs {

using steady = std::chrono::steady_clock;

/// How long to wait for a peer.
struct patience {
  std::chrono::milliseconds progress;                      ///< longest time without a byte
  steady::time_point deadline = steady::time_point::max(); ///< in any case
};

/// Drives the sockets of one thread. Asio's own blocking calls know no time limits, so all waiting
/// is done here, for something to become ready and not for longer than a deadline.
class io_loop {
 public:
  boost::asio::io_context& context() { return context_; }

  /// Ends all waiting, now and for ever. The only function that other threads may call.
  void interrupt() {
    interrupted_ = true;
    context_.stop();
  }
  bool interrupted() const { return interrupted_; }

  /// Runs what is ready, then waits for one more event at most until `deadline`. False: there was
  /// none.
  bool run_once(steady::time_point deadline) {
    context_.restart();
    if (interrupted_) // after restart, as that undoes a stop
      return false;
    return context_.poll() > 0 || context_.run_one_until(deadline) > 0;
  }

  /// Runs what is ready, also when interrupted.
  void drain() {
    context_.restart();
    context_.poll();
  }

 private:
  boost::asio::io_context context_{1};
  std::atomic<bool> interrupted_ = false;
};

} // namespace dfs
