#include "allocation_count.hpp"

#include "sanitizers.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local std::uint64_t allocations = 0;

} // namespace

#if !ATOLL_SANITIZED

// Libraries that are loaded later call these too, because the dynamic linker looks for a symbol in
// the program first. Weak, so that a program may define its own.

[[gnu::weak, gnu::visibility("default")]] void* operator new(std::size_t size) {
  ++allocations;
  if (auto* place = std::malloc(size > 0 ? size : 1))
    return place;
  throw std::bad_alloc{};
}

[[gnu::weak, gnu::visibility("default")]] void* operator new(std::size_t size,
                                                             std::align_val_t alignment) {
  ++allocations;
  auto unit = static_cast<std::size_t>(alignment);
  if (auto* place = std::aligned_alloc(unit, (size + unit - 1) / unit * unit))
    return place;
  throw std::bad_alloc{};
}

[[gnu::weak, gnu::visibility("default")]] void operator delete(void* place) noexcept {
  std::free(place);
}

[[gnu::weak, gnu::visibility("default")]] void operator delete(void* place, std::size_t) noexcept {
  std::free(place);
}

[[gnu::weak, gnu::visibility("default")]] void operator delete(void* place,
                                                               std::align_val_t) noexcept {
  std::free(place);
}

[[gnu::weak, gnu::visibility("default")]] void operator delete(void* place, std::size_t,
                                                               std::align_val_t) noexcept {
  std::free(place);
}

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
