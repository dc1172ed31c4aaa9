#include <atoll/core/state/disk_ballast.hpp>

#include <algorithm>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace atl {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t ballast_bytes_max = 64u << 20;
constexpr auto check_interval = std::chrono::seconds{5};

std::uint64_t free_bytes(const fs::path& folder) {
  std::error_code failed;
  auto disk = fs::space(folder, failed);
  return failed ? 0 : disk.available;
}

/// Allocates space without writing it; false if the file system can't.
bool allocate(const fs::path& file, std::uint64_t bytes) {
  auto fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0)
    return false;
  auto done = ::fallocate(fd, 0, 0, static_cast<off_t>(bytes)) == 0;
  ::close(fd);
  return done;
}

} // namespace

disk_ballast::disk_ballast(fs::path file, std::uint64_t reserve)
    : file_{std::move(file)}, reserve_{reserve}, bytes_{std::min(reserve / 2, ballast_bytes_max)} {}

bool disk_ballast::release_if_short() {
  std::error_code failed;
  if (file_.empty() || free_bytes(file_.parent_path()) >= bytes_)
    return false;
  return fs::remove(file_, failed);
}

void disk_ballast::restore() {
  auto now = std::chrono::steady_clock::now();
  if (file_.empty() || bytes_ == 0 || (checked_at_ && now - *checked_at_ < check_interval))
    return;
  checked_at_ = now;
  std::error_code failed;
  if (fs::file_size(file_, failed) == bytes_ && !failed)
    return;
  if (free_bytes(file_.parent_path()) >= reserve_ + bytes_ && !allocate(file_, bytes_))
    fs::remove(file_, failed);
}

} // namespace atl
