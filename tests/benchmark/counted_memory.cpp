#include "counted_memory.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

/// Stands before each allocation, and keeps its alignment.
struct alignas(std::max_align_t) header {
  std::size_t bytes = 0; ///< 0: not counted
};

thread_local bool is_counting = false;
std::atomic<std::int64_t> now{0};
std::atomic<std::int64_t> peak{0};

void* allocate(std::size_t bytes) {
  auto* block = static_cast<header*>(std::malloc(sizeof(header) + bytes));
  if (!block)
    throw std::bad_alloc{};
  block->bytes = 0;
  if (is_counting) {
    block->bytes = bytes + sizeof(header);
    auto total = now += static_cast<std::int64_t>(block->bytes);
    peak = std::max(peak.load(), total);
  }
  return block + 1;
}

void release(void* what) noexcept {
  if (!what)
    return;
  auto* block = static_cast<header*>(what) - 1;
  now -= static_cast<std::int64_t>(block->bytes);
  std::free(block);
}

} // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes);
}
void operator delete(void* what) noexcept {
  release(what);
}
void operator delete[](void* what) noexcept {
  release(what);
}
void operator delete(void* what, std::size_t) noexcept {
  release(what);
}
void operator delete[](void* what, std::size_t) noexcept {
  release(what);
}

namespace counted_memory {

scope::scope() {
  is_counting = true;
}

scope::~scope() {
  is_counting = false;
}

std::int64_t peak_bytes() {
  return peak;
}

} // namespace counted_memory
