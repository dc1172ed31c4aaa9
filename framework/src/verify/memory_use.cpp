#include "memory_use.hpp"

#include "sanitizers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <malloc.h>
#include <memory>
#include <unistd.h>

#if ATOLL_SANITIZED
/// Of every sanitizer's runtime; its header is not always installed.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace atl::verify {

namespace {

constexpr std::int64_t heap_growth_max = 1 << 20;
/// Pages that were freed may stay with the process, and the code and data of libraries come in.
constexpr std::int64_t resident_growth_max = 32 << 20;

struct memory_use {
  std::int64_t heap = 0;     ///< bytes that the allocator has handed out
  std::int64_t resident = 0; ///< bytes in memory, whoever asked for them; 0: not known
};

#if ATOLL_SANITIZED

/// A sanitizer keeps what was freed for a while, so only what it counts as handed out tells.
memory_use measure() {
  return {heap_bytes(), 0};
}

#else

std::int64_t resident_bytes() {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen("/proc/self/statm", "r"),
                                                       &std::fclose};
  long size = 0, resident = 0;
  if (!file || std::fscanf(file.get(), "%ld %ld", &size, &resident) != 2)
    return 0;
  return std::int64_t{resident} * ::sysconf(_SC_PAGESIZE);
}

memory_use measure() {
  return {heap_bytes(), resident_bytes()};
}

#endif

} // namespace

std::int64_t heap_bytes() {
#if ATOLL_SANITIZED
  return static_cast<std::int64_t>(__sanitizer_get_current_allocated_bytes());
#else
  auto heap = ::mallinfo2();
  return static_cast<std::int64_t>(heap.uordblks + heap.hblkhd);
#endif
}

std::optional<std::string> memory_grows(std::uint64_t calls,
                                        const std::function<void(std::uint64_t)>& work) {
  for (std::uint64_t i = 0; i < calls; ++i)
    work(i);
  auto before = measure();
  for (std::uint64_t i = calls; i < 2 * calls; ++i)
    work(i);
  auto after = measure();
  auto heap = after.heap - before.heap, resident = after.resident - before.resident;
  if (heap <= heap_growth_max && resident <= resident_growth_max)
    return std::nullopt;
  return fmt::format("holds {} KiB more after {} calls than after {}",
                     std::max(heap, resident) / 1024, 2 * calls, calls);
}

} // namespace atl::verify
