// Loaded before the C library (LD_PRELOAD): the wall clock is off by ATOLL_CLOCK_SHIFT seconds, as
// on a machine whose clock is set wrong. The steady clock goes on as it was.

#include <sys/syscall.h>
#include <sys/time.h>

#include <cstdlib>
#include <ctime>
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

namespace {

time_t shift() {
  static const auto text = std::getenv("ATOLL_CLOCK_SHIFT");
  static const time_t seconds = text ? std::strtoll(text, nullptr, 10) : 0;
  return seconds;
}

bool is_wall_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

/// Times of the wall clock are decades after 1970, those of the steady clock count from the start
/// of the machine.
constexpr time_t wall_clock_from = 1'000'000'000;

} // namespace

extern "C" [[gnu::visibility("default")]] int clock_gettime(clockid_t clock,
                                                            timespec* into) noexcept {
  auto outcome = static_cast<int>(::syscall(SYS_clock_gettime, clock, into));
  if (outcome == 0 && is_wall_clock(clock))
    into->tv_sec += shift();
  return outcome;
}

extern "C" [[gnu::visibility("default")]] int gettimeofday(timeval* into, void*) noexcept {
  timespec now{};
  auto outcome = clock_gettime(CLOCK_REALTIME, &now);
  into->tv_sec = now.tv_sec;
  into->tv_usec = now.tv_nsec / 1000;
  return outcome;
}

extern "C" [[gnu::visibility("default")]] time_t time(time_t* into) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into)
    *into = now.tv_sec;
  return now.tv_sec;
}

/// The kernel waits by its own clock.
extern "C" [[gnu::visibility("default")]] int
pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  using function = int (*)(pthread_cond_t*, pthread_mutex_t*, const timespec*);
  static const auto original =
      reinterpret_cast<function>(::dlsym(RTLD_NEXT, "pthread_cond_timedwait"));
  auto by_kernel = *until;
  if (by_kernel.tv_sec >= wall_clock_from)
    by_kernel.tv_sec -= shift();
  return original(condition, mutex, &by_kernel);
}
