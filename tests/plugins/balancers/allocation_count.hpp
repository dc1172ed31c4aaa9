#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

/// Counts the allocations of the whole program. To be included by one source of a program only: it
/// replaces the global `operator new`, which must not be inline.
namespace balancer_test {

inline std::uint64_t allocations = 0;

} // namespace balancer_test

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++balancer_test::allocations;
  if (auto* memory = std::malloc(size == 0 ? 1 : size))
    return memory;
  throw std::bad_alloc{};
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
