#include "zeroed_wal.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace atl {

namespace {

using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::size_t step_bytes = 1 << 20;
/// With less space left on the disk no zeros are written ahead.
constexpr std::uint64_t free_bytes_min = 16 * step_bytes;

bool has_room_for_zeros(int file) {
  struct statvfs disk {};
  return ::fstatvfs(file, &disk) != 0 ||
         static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize >= free_bytes_min;
}

class zeroed_file : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  zeroed_file(std::unique_ptr<FSWritableFile> file, const std::string& name)
      : FSWritableFileOwnerWrapper{std::move(file)}, zeros_{::open(name.c_str(),
                                                                   O_WRONLY | O_CLOEXEC)} {}
  ~zeroed_file() override {
    if (zeros_ >= 0)
      ::close(zeros_);
  }

  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* context) override {
    prepare(data.size());
    return target()->Append(data, options, context);
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& information,
                  IODebugContext* context) override {
    prepare(data.size());
    return target()->Append(data, options, information, context);
  }

 private:
  /// If zeros can't be written because the disk is nearly full, the file grows by the appended
  /// bytes, like any file.
  void prepare(std::size_t bytes) {
    written_ += bytes;
    if (written_ <= zeroed_ || zeros_ < 0 || !has_room_for_zeros(zeros_))
      return;
    static const std::string zeros(step_bytes, '\0');
    auto from = std::max(zeroed_, written_ - bytes);
    while (from < written_ + step_bytes) {
      auto wanted = std::min<std::uint64_t>(step_bytes, written_ + step_bytes - from);
      auto done = ::pwrite(zeros_, zeros.data(), wanted, static_cast<off_t>(from));
      if (done <= 0)
        break;
      from += static_cast<std::uint64_t>(done);
    }
    zeroed_ = from;
  }

  int zeros_; ///< a separate descriptor: the target's position is the end of the data
  std::uint64_t written_ = 0;
  std::uint64_t zeroed_ = 0; ///< the length of the file, with its zeros
};

class zeroing_file_system : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "atoll.zeroed_logs"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<FSWritableFile>* file,
                           IODebugContext* context) override {
    auto made = target()->NewWritableFile(name, options, file, context);
    if (made.ok() && name.ends_with(".log"))
      *file = std::make_unique<zeroed_file>(std::move(*file), name);
    return made;
  }
};

} // namespace

std::shared_ptr<rocksdb::FileSystem> file_system_with_zeroed_logs() {
  return std::make_shared<zeroing_file_system>(rocksdb::FileSystem::Default());
}

} // namespace atl
