#include <atoll/core/open_files.hpp>

#include <sys/resource.h>

#include <algorithm>

namespace atl {

namespace {

/// Used where the system sets no limit: nothing in this program grows beyond this value.
constexpr std::uint64_t without_limit = 1 << 20;

} // namespace

std::uint64_t open_files_limit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return without_limit;
  return std::min<std::uint64_t>(limit.rlim_cur, without_limit);
}

std::uint64_t raise_open_files_limit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE,
                      &limit); // a failure leaves the limit as it was, which is read below
  }
  return open_files_limit();
}

} // namespace atl
