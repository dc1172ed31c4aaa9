#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>

/// Runs the network layer in the thread of the test, until what the test waits for has happened.
class event_loop {
 public:
  /// A test that waits for longer than this has failed.
  static constexpr std::chrono::seconds patience{30};

  event_loop() = default;
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  const std::shared_ptr<boost::asio::io_context>& context() const { return context_; }

  /// @returns false if it doesn't happen
  template <class Condition>
  bool run_until(Condition condition) {
    auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end)
        return false;
      context_->restart();
      context_->run_one_for(std::chrono::milliseconds{1}); // sockets outside of it may be ready
    }
    return true;
  }
  /// Runs all that can run now.
  void run_ready() {
    context_->restart();
    while (context_->poll() > 0)
      context_->restart();
  }

 private:
  std::shared_ptr<boost::asio::io_context> context_ = std::make_shared<boost::asio::io_context>(1);
};
