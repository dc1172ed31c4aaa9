#include "client/stream.hpp"

#include <cerrno>
#include <string>
#include <unistd.h>

namespace dfs {

byte_source read_from(int fd, std::string what) {
  return [fd, what = std::move(what)](std::span<char> into) -> atl::result<std::size_t> {
    std::size_t filled = 0;
    while (filled < into.size()) {
      auto got = ::read(fd, into.data() + filled, into.size() - filled);
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return tl::unexpected{atl::system_error(errno, "reading " + what)};
      if (got == 0)
        break;
      filled += static_cast<std::size_t>(got);
    }
    return filled;
  };
}

positioned_source read_at(int fd, std::string what) {
  return [fd, what = std::move(what)](std::uint64_t offset,
                                      std::span<char> into) -> atl::result<std::size_t> {
    std::size_t filled = 0;
    while (filled < into.size()) {
      auto got = ::pread(fd, into.data() + filled, into.size() - filled,
                         static_cast<off_t>(offset + filled));
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return tl::unexpected{atl::system_error(errno, "reading " + what)};
      if (got == 0)
        break;
      filled += static_cast<std::size_t>(got);
    }
    return filled;
  };
}

byte_retraction take_back_from(int fd, std::string what) {
  return [fd, what = std::move(what)](std::uint64_t bytes) -> atl::status {
    auto end = ::lseek(fd, -static_cast<off_t>(bytes), SEEK_CUR);
    if (end < 0 || ::ftruncate(fd, end) != 0)
      return tl::unexpected{atl::system_error(errno, "writing again what is in " + what)};
    return {};
  };
}

byte_sink write_to(int fd, std::string what) {
  return [fd, what = std::move(what)](std::string_view bytes) -> atl::status {
    while (!bytes.empty()) {
      auto put = ::write(fd, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR)
        continue;
      if (put < 0)
        return tl::unexpected{atl::system_error(errno, "writing " + what)};
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  };
}

} // namespace dfs
