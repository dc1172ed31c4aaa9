#include "free_space.hpp"

#include <atoll/core/error.hpp>

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <utility>

namespace atl {

namespace {

constexpr auto check_interval = std::chrono::milliseconds{100};

} // namespace

free_space::free_space(std::filesystem::path folder, std::uint64_t reserve, std::string content)
    : folder_{std::move(folder)}, reserve_{reserve}, content_{std::move(content)} {}

std::optional<std::string> free_space::shortage() {
  if (reserve_ == 0)
    return std::nullopt;
  auto now = std::chrono::steady_clock::now();
  if (!checked_at_ || now - *checked_at_ >= check_interval) {
    checked_at_ = now;
    shortage_ = look();
  }
  return shortage_;
}

std::optional<std::string> free_space::look() const {
  struct statvfs disk {};
  if (::statvfs(folder_.c_str(), &disk) != 0)
    return system_error(errno, fmt::format("can't tell the free space of the {}'s disk at '{}'",
                                           content_, folder_.native()))
        .message;
  auto free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (free_bytes >= reserve_)
    return std::nullopt;
  return fmt::format("the {}'s disk at '{}' has {} MiB left, less than the reserve of {} MiB: "
                     "free some",
                     content_, folder_.native(), free_bytes >> 20, reserve_ >> 20);
}

} // namespace atl
