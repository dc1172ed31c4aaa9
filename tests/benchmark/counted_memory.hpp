#pragma once

#include <cstdint>

/// Counts the memory that is allocated while this thread is inside of what is measured, until it is
/// freed, wherever that is. A program that includes this links `counted_memory.cpp`, which replaces
/// `operator new`.
namespace counted_memory {

/// While an object of this class lives, allocations of the thread count.
class scope {
 public:
  scope();
  ~scope();
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
};

/// The most that was allocated at a time.
std::int64_t peak_bytes();

} // namespace counted_memory
