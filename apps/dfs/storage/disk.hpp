#pragma once

#include <atoll/core/error.hpp>

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dfs {

/// The system calls of the chunk store, as an interface, so that tests can substitute a failing
/// disk. Every call returns what the POSIX call of its name returns, or the negative `errno`
/// (-EIO) where that would return -1. Thread-safe.
class disk {
 public:
  struct space {
    std::uint64_t capacity = 0; ///< bytes of the file system
    std::uint64_t free = 0;     ///< bytes that an unprivileged process may still use
  };

  virtual ~disk() = default;

  virtual int open(const std::string& path, int flags) = 0; ///< new files get mode 0640
  virtual int close(int fd) = 0;
  virtual ssize_t pwrite(int fd, const void* data, std::size_t size, std::uint64_t offset) = 0;
  virtual ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t offset) = 0;
  /// `open` for reading, and `pread`, without waiting for the disk: -EAGAIN if the kernel doesn't
  /// have in memory what the call needs, or can't tell. `pread_cached` may read fewer bytes.
  virtual int open_cached(const std::string& path);
  virtual ssize_t pread_cached(int fd, void* data, std::size_t size, std::uint64_t offset);
  virtual std::int64_t size(int fd) = 0;
  virtual int fdatasync(int fd) = 0;
  virtual int fsync_dir(const std::string& path) = 0;
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int unlink(const std::string& path) = 0;
  virtual int mkdir(const std::string& path) = 0; ///< an existing folder is fine: 0
  virtual int statvfs(const std::string& path, space& out) = 0;
  /// Names in a folder, without "." and "..".
  virtual int list(const std::string& path, std::vector<std::string>& out) = 0;
  /// Locks the file for this process (flock); -EWOULDBLOCK if another process has locked it.
  virtual int lock(int fd) = 0;
  /// A hint to start writing this range to the disk. `fdatasync` reports the errors.
  virtual void start_writeback(int fd, std::uint64_t offset, std::uint64_t size) = 0;
  /// A hint that this range will be read soon.
  virtual void will_need(int fd, std::uint64_t offset, std::uint64_t size) = 0;
  /// A hint to drop this range from memory, so that the next read comes from the disk, and what was
  /// read once keeps no memory from other data.
  virtual void forget_cached(int, std::uint64_t, std::uint64_t) {}
};

/// The disk of this machine.
disk& real_disk();

/// An open file that is closed when it goes out of scope.
class disk_file {
 public:
  disk_file() = default;
  disk_file(disk& on, int fd) : disk_{&on}, fd_{fd} {}
  disk_file(disk_file&& other) noexcept : disk_{other.disk_}, fd_{std::exchange(other.fd_, -1)} {}
  disk_file& operator=(disk_file&& other) noexcept {
    if (this != &other) {
      (void)close();
      disk_ = other.disk_;
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~disk_file() { (void)close(); }

  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void will_need(std::uint64_t offset, std::uint64_t size) const {
    disk_->will_need(fd_, offset, size);
  }
  /// Does the kernel seem to have the range in memory? Looks at its first and last byte.
  bool is_cached(std::uint64_t offset, std::uint64_t size) const;
  /// As `read_fully`, waiting for the disk.
  ssize_t read(void* data, std::size_t size, std::uint64_t offset) const;
  /// Closes the file now. @returns 0 or the negative `errno`.
  int close() { return fd_ < 0 ? 0 : disk_->close(std::exchange(fd_, -1)); }

 private:
  disk* disk_ = nullptr;
  int fd_ = -1;
};

/// Writes all bytes, and continues after short writes and interruptions. @returns 0 or the negative
/// `errno`.
int write_fully(disk& on, int fd, const void* data, std::size_t size, std::uint64_t offset);

/// Whether a read may wait for the disk, or only takes what the kernel has in memory.
enum class read_mode : std::uint8_t { waiting, cached };

/// Reads up to `size` bytes, fewer only at the end of the file. @returns their number or the
/// negative `errno`; -EAGAIN if the mode is `cached` and a byte isn't in memory.
ssize_t read_fully(disk& on, int fd, void* data, std::size_t size, std::uint64_t offset,
                   read_mode mode = read_mode::waiting);

} // namespace dfs
