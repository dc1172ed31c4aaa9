#pragma once

#include "storage/disk.hpp"

#include <atoll/core/error.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace dfs {

/// Makes small files and their names durable by one sync of the whole file system for all callers
/// that wait at the same time. A new file costs two syncs otherwise, one of the file and one of its
/// folder, each of which commits the file system's journal.
///
/// A sync of the file system also writes what other programs have changed there. When that takes
/// long, callers are told for a while to sync each file by itself. After a failure every call
/// fails, because a sync after a failed one proves nothing. Thread-safe.
class shared_sync {
 public:
  using clock = std::chrono::steady_clock;
  /// A sync that takes so long was busy with data of others.
  static constexpr std::chrono::milliseconds slow_after{200};
  static constexpr std::chrono::seconds avoided_for{10};

  /// @param folder on the file system
  /// @param on_failure called once at most, before any caller learns of the failure
  shared_sync(disk& on, const std::string& folder,
              std::function<void(const atl::error&)> on_failure);

  /// Should a file be synced here? False on systems that can't, and for a while after a slow sync.
  bool is_worthwhile(clock::time_point now) const;

  /// Makes everything durable that was written and renamed before the call. @returns 0 or the
  /// negative `errno`
  int wait();

 private:
  void run_round(std::unique_lock<std::mutex>& lock);

  disk& disk_;
  const disk_file folder_; ///< always the same file, which sees each error of the file system
  const bool is_supported_;
  const std::function<void(const atl::error&)> on_failure_;
  std::atomic<clock::duration> avoided_until_{clock::duration{}}; ///< since the clock's epoch
  std::mutex mutex_;                                              ///< guards what follows
  std::condition_variable ended_;
  std::uint64_t rounds_begun_ = 0;
  std::uint64_t rounds_ended_ = 0;
  bool is_running_ = false;
  int failure_ = 0; ///< the negative `errno` of the first failed round
};

} // namespace dfs
