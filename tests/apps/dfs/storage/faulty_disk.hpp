#pragma once

#include "storage/disk.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace dfs::test {

enum class call { open, close, pwrite, pread, fdatasync, fsync_dir, rename, unlink };

/// The real disk, made to fail as a test says. Remembers what was synced, so that the power can be
/// cut: data that wasn't synced is lost, and so are renames whose folder wasn't.
class faulty_disk : public disk {
 public:
  /// The next call of this kind fails with `error_number`, once.
  void fail_next(call which, int error_number);
  /// Each write writes at most so many bytes.
  void limit_writes(std::size_t bytes);
  /// The disk is full after so many bytes more.
  void full_after(std::uint64_t bytes);
  /// After `calls` further changes nothing reaches the disk any more: the machine is dead.
  void die_after(std::size_t calls);
  bool is_dead();
  /// The number of calls that changed the disk so far.
  std::size_t changes();
  std::size_t syncs();
  /// Undoes all changes that were not synced. The disk is dead from then on.
  void cut_power();
  /// Calls to `fdatasync` wait until `hold_syncs(false)`.
  void hold_syncs(bool hold);

  int open(const std::string& path, int flags) override;
  int close(int fd) override;
  ssize_t pwrite(int fd, const void* data, std::size_t size, std::uint64_t offset) override;
  ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t offset) override;
  std::int64_t size(int fd) override { return real_disk().size(fd); }
  int fdatasync(int fd) override;
  int fsync_dir(const std::string& path) override;
  int rename(const std::string& from, const std::string& to) override;
  int unlink(const std::string& path) override;
  int mkdir(const std::string& path) override { return real_disk().mkdir(path); }
  int statvfs(const std::string& path, space& out) override {
    return real_disk().statvfs(path, out);
  }
  int list(const std::string& path, std::vector<std::string>& out) override {
    return real_disk().list(path, out);
  }
  int lock(int fd) override { return real_disk().lock(fd); }
  void start_writeback(int, std::uint64_t, std::uint64_t) override {}
  void will_need(int, std::uint64_t, std::uint64_t) override {}

 private:
  struct moved {
    std::string from;
    std::string to;
  };

  std::optional<int> failure(call which);
  bool dies_now();

  std::mutex mutex_;
  std::condition_variable released_;
  std::map<call, std::deque<int>> failures_;
  std::optional<std::size_t> write_limit_;
  std::optional<std::uint64_t> room_;
  std::optional<std::size_t> incarnation_; ///< changes until death
  bool dead_ = false;
  bool hold_ = false;
  std::size_t changes_ = 0;
  std::size_t syncs_ = 0;
  std::map<int, std::string> open_files_;     ///< open for writing, by descriptor
  std::map<std::string, std::string> synced_; ///< the synced content of each unsynced file
  std::vector<moved> renames_;                ///< renames whose folder is not synced
};

} // namespace dfs::test
