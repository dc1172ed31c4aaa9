#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>

namespace atl::net {

/// Coroutines that are nobody's result, counted so that their owner can wait for their end. A
/// context must not be destroyed while a coroutine waits in it that owns the context. Thread-safe.
class coroutine_group {
 public:
  /// @param name for messages in the log
  explicit coroutine_group(const char* name) : name_{name} {}
  coroutine_group(const coroutine_group&) = delete;
  coroutine_group& operator=(const coroutine_group&) = delete;

  /// Starts a coroutine in the context. An exception ends that coroutine alone, and is logged.
  void start(boost::asio::io_context& in, boost::asio::awaitable<void> work);
  /// Blocks until no coroutine runs. @pre other threads run the contexts
  void wait();

 private:
  void on_end(std::exception_ptr problem);

  const char* name_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;
};

} // namespace atl::net
