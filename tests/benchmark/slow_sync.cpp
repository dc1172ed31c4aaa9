// Loaded before the C library (LD_PRELOAD): no sync of a file takes less than
// ATOLL_BENCH_SYNC_US microseconds, as on a slower disk. The syncs of several processes don't wait
// for each other, as they may on a real one.

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <chrono>
#include <cstdlib>
#include <thread>
#include <unistd.h>

namespace {

std::chrono::microseconds least() {
  static const auto text = std::getenv("ATOLL_BENCH_SYNC_US");
  static const std::chrono::microseconds time{text ? std::strtoll(text, nullptr, 10) : 0};
  return time;
}

int sync(long call, int file) {
  [[maybe_unused]] static thread_local const auto exact = ::prctl(PR_SET_TIMERSLACK, 1UL);
  auto until = std::chrono::steady_clock::now() + least();
  auto outcome = static_cast<int>(::syscall(call, file));
  std::this_thread::sleep_until(until);
  return outcome;
}

} // namespace

extern "C" [[gnu::visibility("default")]] int fdatasync(int file) {
  return sync(SYS_fdatasync, file);
}
extern "C" [[gnu::visibility("default")]] int fsync(int file) {
  return sync(SYS_fsync, file);
}
