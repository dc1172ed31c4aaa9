#include "storage/disk.hpp"

#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace dfs {

namespace {

template <class Number>
Number or_errno(Number value) {
  return value < 0 ? static_cast<Number>(-errno) : value;
}

class posix_disk final : public disk {
 public:
  int open(const std::string& path, int flags) override {
    return or_errno(::open(path.c_str(), flags | O_CLOEXEC, 0640));
  }

  int close(int fd) override {
    // Linux has closed the file even when the call was interrupted; a second close might close
    // another file.
    auto done = or_errno(::close(fd));
    return done == -EINTR ? 0 : done;
  }

  ssize_t pwrite(int fd, const void* data, std::size_t size, std::uint64_t offset) override {
    return or_errno(::pwrite(fd, data, size, static_cast<off_t>(offset)));
  }

  ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t offset) override {
    return or_errno(::pread(fd, data, size, static_cast<off_t>(offset)));
  }

  int open_cached(const std::string& path) override {
    open_how how = {};
    how.flags = O_RDONLY | O_CLOEXEC;
    how.resolve = RESOLVE_CACHED;
    auto fd = ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof(how));
    // An older kernel doesn't know the call, or the flag.
    return fd >= 0 ? static_cast<int>(fd) : -EAGAIN;
  }

  ssize_t pread_cached(int fd, void* data, std::size_t size, std::uint64_t offset) override {
    iovec into{data, size};
    auto got = ::preadv2(fd, &into, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    return got >= 0 ? got : -EAGAIN; // some file systems don't know the flag
  }

  std::int64_t size(int fd) override {
    struct stat info = {};
    auto done = or_errno(::fstat(fd, &info));
    return done < 0 ? done : static_cast<std::int64_t>(info.st_size);
  }

  int fdatasync(int fd) override { return or_errno(::fdatasync(fd)); }

  int fsync_dir(const std::string& path) override {
    auto fd = open(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
      return fd;
    auto done = or_errno(::fsync(fd));
    auto closed = close(fd);
    return done < 0 ? done : closed;
  }

  int rename(const std::string& from, const std::string& to) override {
    return or_errno(::rename(from.c_str(), to.c_str()));
  }

  int unlink(const std::string& path) override { return or_errno(::unlink(path.c_str())); }

  int mkdir(const std::string& path) override {
    auto done = or_errno(::mkdir(path.c_str(), 0750));
    return done == -EEXIST ? 0 : done;
  }

  int statvfs(const std::string& path, space& out) override {
    struct statvfs info = {};
    auto done = or_errno(::statvfs(path.c_str(), &info));
    if (done == 0)
      out = {info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize};
    return done;
  }

  int list(const std::string& path, std::vector<std::string>& out) override {
    std::unique_ptr<DIR, int (*)(DIR*)> folder{::opendir(path.c_str()), &::closedir};
    if (!folder)
      return -errno;
    for (;;) {
      errno = 0;
      auto* entry = ::readdir(folder.get());
      if (entry == nullptr)
        return -errno;
      std::string name = entry->d_name;
      if (name != "." && name != "..")
        out.push_back(std::move(name));
    }
  }

  int lock(int fd) override { return or_errno(::flock(fd, LOCK_EX | LOCK_NB)); }

  void start_writeback(int fd, std::uint64_t offset, std::uint64_t size) override {
    (void)::sync_file_range(fd, static_cast<off_t>(offset), static_cast<off_t>(size),
                            SYNC_FILE_RANGE_WRITE);
  }

  void will_need(int fd, std::uint64_t offset, std::uint64_t size) override {
    (void)::posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(size),
                          POSIX_FADV_WILLNEED);
  }

  void forget_cached(int fd, std::uint64_t offset, std::uint64_t size) override {
    (void)::posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(size),
                          POSIX_FADV_DONTNEED);
  }
};

} // namespace

int disk::open_cached(const std::string&) {
  return -EAGAIN;
}

ssize_t disk::pread_cached(int, void*, std::size_t, std::uint64_t) {
  return -EAGAIN;
}

bool disk_file::is_cached(std::uint64_t offset, std::uint64_t size) const {
  char byte = 0;
  return size == 0 || (disk_->pread_cached(fd_, &byte, 1, offset) == 1 &&
                       disk_->pread_cached(fd_, &byte, 1, offset + size - 1) == 1);
}

ssize_t disk_file::read(void* data, std::size_t size, std::uint64_t offset) const {
  return read_fully(*disk_, fd_, data, size, offset);
}

disk& real_disk() {
  static posix_disk instance;
  return instance;
}

int write_fully(disk& on, int fd, const void* data, std::size_t size, std::uint64_t offset) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    auto written = on.pwrite(fd, bytes, size, offset);
    if (written == -EINTR)
      continue;
    if (written < 0)
      return static_cast<int>(written);
    if (written == 0)
      return -EIO; // a device that writes nothing without an error would cause an endless loop
    bytes += written;
    size -= static_cast<std::size_t>(written);
    offset += static_cast<std::uint64_t>(written);
  }
  return 0;
}

ssize_t read_fully(disk& on, int fd, void* data, std::size_t size, std::uint64_t offset,
                   read_mode mode) {
  auto* bytes = static_cast<char*>(data);
  std::size_t done = 0;
  while (done < size) {
    auto got = mode == read_mode::waiting
                   ? on.pread(fd, bytes + done, size - done, offset + done)
                   : on.pread_cached(fd, bytes + done, size - done, offset + done);
    if (got == -EINTR)
      continue;
    if (got < 0)
      return got;
    if (got == 0)
      break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

} // namespace dfs
