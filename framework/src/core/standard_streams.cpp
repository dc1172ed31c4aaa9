#include <atoll/core/standard_streams.hpp>

#include <fcntl.h>
#include <initializer_list>
#include <unistd.h>

namespace atl {

void open_standard_streams() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0)
      continue;
    // `open` returns the lowest free descriptor, which is the closed stream's. The direction is the
    // one that the stream isn't used in.
    auto opened = ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened > fd)
      ::close(opened);
  }
}

} // namespace atl
