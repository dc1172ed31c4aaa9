#include "small_disk.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/mount.h>

#include <algorithm>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace fs = std::filesystem;

bool small_disk::possible() {
  static const bool can = ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
                          ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return can;
}

small_disk::small_disk(fs::path folder, std::uint64_t mebibytes) : folder_{std::move(folder)} {
  fs::create_directories(folder_);
  auto options = fmt::format("size={}m,mode=755", mebibytes);
  REQUIRE(::mount("none", folder_.c_str(), "tmpfs", 0, options.c_str()) == 0);
}

small_disk::~small_disk() {
  ::umount2(folder_.c_str(), MNT_DETACH);
}

std::uint64_t small_disk::free_bytes() const {
  return fs::space(folder_).available;
}

void small_disk::fill(std::uint64_t bytes_left) {
  auto filler = ::open((folder_ / "filler").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  REQUIRE(filler >= 0);
  const std::string block(256 << 10, 'x');
  for (auto is_full = false; !is_full && free_bytes() > bytes_left;)
    is_full = ::write(filler, block.data(),
                      std::min<std::uint64_t>(block.size(), free_bytes() - bytes_left)) <= 0;
  ::close(filler);
}

void small_disk::remove_filler() {
  fs::remove(folder_ / "filler");
}
