#include "allocation_meter.hpp"

#include "sanitizers.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local std::uint64_t allocations = 0;

} // namespace

#if !ATOLL_SANITIZED && defined(__GLIBC__)

// Libraries, among them the one with `operator new`, call these too, because the dynamic linker
// looks for a symbol in the program first; a sanitizer would replace them as well. The names with
// underscores are glibc's own functions. Weak, so that a program may define its own. What `free`
// gets is glibc's.

extern "C" {

void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* place, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;

[[gnu::weak, gnu::visibility("default")]] void* malloc(std::size_t size) noexcept {
  ++allocations;
  return __libc_malloc(size);
}

[[gnu::weak, gnu::visibility("default")]] void* calloc(std::size_t count,
                                                       std::size_t size) noexcept {
  ++allocations;
  return __libc_calloc(count, size);
}

[[gnu::weak, gnu::visibility("default")]] void* realloc(void* place, std::size_t size) noexcept {
  ++allocations;
  return __libc_realloc(place, size);
}

[[gnu::weak, gnu::visibility("default")]] void* aligned_alloc(std::size_t alignment,
                                                              std::size_t size) noexcept {
  ++allocations;
  return __libc_memalign(alignment, size);
}

} // extern "C"

#endif

namespace atl::verify {

std::uint64_t allocation_count() {
  return allocations;
}

bool counts_allocations() {
  auto before = allocations;
  // Volatile, so that the compiler doesn't leave the pair of calls out.
  void* volatile place = ::operator new(1);
  ::operator delete(place);
  return allocations != before;
}

} // namespace atl::verify
