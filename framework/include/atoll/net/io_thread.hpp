#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <thread>

namespace atl::net {

/// One thread and the sockets and timers that it serves. What belongs to an `io_thread` is used in
/// this thread only, unless its documentation says otherwise.
class io_thread {
 public:
  /// @param name for messages in the log
  explicit io_thread(const char* name);
  /// Calls `stop`.
  ~io_thread();
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  /// Thread-safe, as the executor of Boost.Asio is.
  boost::asio::io_context& context() { return *context_; }
  /// For work elsewhere that may end after this object.
  std::shared_ptr<boost::asio::io_context> shared_context() const { return context_; }
  bool is_current() const { return std::this_thread::get_id() == thread_.get_id(); }

  /// Waits until the function that runs now has returned; no other one is called afterwards. Not
  /// from the thread itself.
  void stop();

 private:
  void run();

  const char* name_;
  std::shared_ptr<boost::asio::io_context> context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

} // namespace atl::net
