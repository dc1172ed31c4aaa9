#pragma once

#include <boost/asio/thread_pool.hpp>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>

namespace dfs::cli {

/// Runs transfers, several at once. For one thread, which gives the work.
class transfer_threads {
 public:
  /// @param count 1: the work is done by the caller
  explicit transfer_threads(std::size_t count);
  transfer_threads(const transfer_threads&) = delete;
  transfer_threads& operator=(const transfer_threads&) = delete;
  /// Waits.
  ~transfer_threads();

  /// Blocks while as many as possible are under way. The work must not throw.
  void run(std::function<void()> work);
  /// Until all work is done.
  void wait();

 private:
  const std::size_t count_;
  std::optional<boost::asio::thread_pool> threads_;
  std::mutex mutex_; ///< guards what follows
  std::condition_variable changed_;
  std::size_t under_way_ = 0;
};

} // namespace dfs::cli
