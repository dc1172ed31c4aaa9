#pragma once

#include "storage/disk.hpp"
#include "storage/storage_limits.hpp"

#include <atoll/core/error.hpp>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace dfs {

/// Syncs files that are already in their place, in a separate thread, for the durability
/// `replicated`. Bounded (`sync_backlog_files_max`, `sync_backlog_bytes_max`): `push` waits while
/// the queue is full. After the first failure nothing more is synced, because a sync after a failed
/// one proves nothing. Thread-safe.
class sync_queue {
 public:
  /// `on_failure` is called once at most, in the queue's thread.
  /// @param files_max the largest number of waiting files, which stay open
  sync_queue(disk& on, std::function<void(const atl::error&)> on_failure,
             std::size_t files_max = sync_backlog_files_max);
  /// Syncs all waiting files.
  ~sync_queue();
  sync_queue(const sync_queue&) = delete;
  sync_queue& operator=(const sync_queue&) = delete;

  /// Has `file` and then `folder` synced. The file stays open until then, because the system
  /// reports an error reliably only to files that were open when it occurred. @returns false if the
  /// queue has failed.
  bool push(disk_file file, std::string folder, std::uint64_t bytes);

  /// Waits until all files pushed so far are synced. @returns false if the queue has failed.
  bool flush();

 private:
  struct item {
    disk_file file;
    std::string folder;
    std::uint64_t bytes = 0;
  };

  void run();
  atl::status sync(std::deque<item>& batch);
  atl::status sync_each(std::deque<item>& batch);

  disk& disk_;
  std::function<void(const atl::error&)> on_failure_;
  const std::size_t files_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<item> waiting_;
  std::size_t backlog_ = 0; ///< files that wait or are being synced
  std::uint64_t backlog_bytes_ = 0;
  bool failed_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace dfs
