#pragma once

#include <cstdint>

namespace atl::verify {

/// How often this thread has taken memory with `malloc`, its relatives or `operator new`, in
/// whichever library; for differences between two counts only.
std::uint64_t allocation_count();

/// Whether allocations are counted: not under a sanitizer, not without glibc, and not in a program
/// with an allocator of its own.
bool counts_allocations();

} // namespace atl::verify
