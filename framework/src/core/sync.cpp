#include <atoll/core/sync.hpp>

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace atl {

status sync_to_disk(const std::filesystem::path& file_or_folder) {
  int fd = ::open(file_or_folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return tl::unexpected{system_error(errno, "opening " + file_or_folder.string())};
  bool synced = ::fsync(fd) == 0;
  auto problem = errno;
  ::close(fd);
  if (!synced)
    return tl::unexpected{system_error(problem, "syncing " + file_or_folder.string())};
  return {};
}

} // namespace atl
