#pragma once

#include <atoll/net/one_shot_event.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace atl::net {

/// Threads for work that blocks, such as reading a file, so that no I/O thread waits for a disk.
/// The pool starts a thread when work waits and no thread is idle, up to its limit; beyond that the
/// work waits in its order. Thread-safe.
class worker_pool {
 public:
  /// Starts one thread. @throws std::system_error if the system starts no thread
  /// @param threads_max > 0
  explicit worker_pool(std::size_t threads_max);
  /// Calls `stop`.
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// Waits for the threads. To be called before the contexts are destroyed that coroutines came
  /// from: a thread of the pool may still be about to leave one. @pre no work is waiting, and none
  /// comes
  void stop();

  /// The calling coroutine continues in a thread of the pool. Use `on`, which comes back.
  boost::asio::awaitable<void> enter();

  std::size_t threads() const;

 private:
  /// A coroutine that waits for a thread; lives in that coroutine's frame.
  struct entry {
    std::optional<suspended> waiter;
    entry* next = nullptr;
  };

  void push(entry& waiting);
  void start_thread(); ///< mutex_ is held
  void run();

  const std::size_t threads_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  entry* first_ = nullptr;
  entry* last_ = nullptr;
  std::size_t waiting_ = 0;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::list<std::thread> threads_;
};

/// Calls `work` in a thread of the pool, and comes back to the executor of the calling coroutine
/// with its result. An exception of `work` comes back as well.
/// @pre what `work` refers to lives until this returns
template <class Work>
boost::asio::awaitable<std::invoke_result_t<Work>> on(worker_pool& pool, Work work) {
  using value = std::invoke_result_t<Work>;
  std::exception_ptr failure;
  if constexpr (std::is_void_v<value>) {
    co_await pool.enter();
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    co_await boost::asio::post(boost::asio::use_awaitable);
    if (failure)
      std::rethrow_exception(failure);
  } else {
    std::optional<value> made;
    co_await pool.enter();
    try {
      made.emplace(work());
    } catch (...) {
      failure = std::current_exception();
    }
    co_await boost::asio::post(boost::asio::use_awaitable);
    if (failure)
      std::rethrow_exception(failure);
    co_return std::move(*made);
  }
}

} // namespace atl::net
