#include "client/spool_file.hpp"

#include "client/stream.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace dfs {

namespace {

/// A folder that isn't there is told as `io`: `not_found` would mean a file of the cluster.
tl::unexpected<atl::error> failure(int error_number, const std::string& folder) {
  auto why = atl::system_error(
      error_number,
      fmt::format(
          "keeping a chunk in {} until it is stored, because its source can't be read again",
          folder));
  why.message += "; TMPDIR may name another folder";
  if (why.code != atl::errc::no_space)
    why.code = atl::errc::io;
  return tl::unexpected{std::move(why)};
}

} // namespace

std::string spool_folder() {
  auto* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/var/tmp";
}

atl::result<spool_file> spool_file::create(const std::string& folder) {
  auto path = folder + "/dfs-XXXXXX";
  int fd = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0)
    return failure(errno, folder);
  ::unlink(path.c_str());
  return spool_file{folder, fd};
}

spool_file::spool_file(std::string folder, int fd)
    : folder_{std::move(folder)}, fd_{new int{fd}, [](const int* it) {
                                        ::close(*it);
                                        delete it;
                                      }} {}

atl::status spool_file::append(std::string_view bytes) {
  while (!bytes.empty()) {
    auto put = ::pwrite(*fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return failure(errno, folder_);
    size_ += static_cast<std::uint64_t>(put);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

positioned_source spool_file::reader() const {
  return [fd = fd_, read = read_at(*fd_, "what is kept in " + folder_)](
             std::uint64_t offset, std::span<char> into) { return read(offset, into); };
}

} // namespace dfs
