#include "cli/local_file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace dfs::cli {

atl::result<local_source> open_source(const std::string& path) {
  local_source source;
  if (path == "-") {
    source.read = read_from(STDIN_FILENO, "standard input");
    return source;
  }
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return tl::unexpected{atl::system_error(errno, "opening " + path)};
  source.file = std::shared_ptr<void>{nullptr, [fd](void*) { ::close(fd); }};
  struct stat found {};
  if (::fstat(fd, &found) != 0)
    return tl::unexpected{atl::system_error(errno, "reading " + path)};
  if (S_ISREG(found.st_mode)) {
    source.size = static_cast<std::uint64_t>(found.st_size);
    source.mtime_us = static_cast<std::uint64_t>(found.st_mtim.tv_sec) * 1'000'000 +
                      static_cast<std::uint64_t>(found.st_mtim.tv_nsec) / 1000;
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  source.read = read_from(fd, path);
  return source;
}

atl::result<local_file> local_file::create(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode)) {
    int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC); // /dev/null, a pipe
    if (fd < 0)
      return tl::unexpected{atl::system_error(errno, "opening " + path)};
    return local_file{fd, {}, path};
  }
  auto temporary = path + ".dfs-XXXXXX";
  int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0)
    return tl::unexpected{atl::system_error(errno, "making a file beside " + path)};
  auto mask = ::umask(0);
  ::umask(mask);
  ::fchmod(fd, 0666 & ~mask);
  return local_file{fd, temporary, path};
}

local_file::local_file(int fd, std::string temporary, std::string path)
    : fd_{fd}, temporary_{std::move(temporary)}, path_{std::move(path)} {}

local_file::local_file(local_file&& other) noexcept
    : fd_{std::exchange(other.fd_, -1)},
      temporary_{std::exchange(other.temporary_, {})}, path_{std::move(other.path_)} {}

local_file::~local_file() {
  if (fd_ >= 0)
    ::close(fd_);
  if (!temporary_.empty())
    ::unlink(temporary_.c_str());
}

byte_sink local_file::sink() const {
  return write_to(fd_, path_);
}

atl::status local_file::keep() {
  if (::close(std::exchange(fd_, -1)) != 0)
    return tl::unexpected{atl::system_error(errno, "writing " + path_)};
  if (temporary_.empty())
    return {};
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    return tl::unexpected{atl::system_error(errno, "renaming to " + path_)};
  temporary_.clear();
  return {};
}

} // namespace dfs::cli
