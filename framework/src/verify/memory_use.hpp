#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace atl::verify {

/// Bytes currently allocated from this process's heap; works under sanitizers too.
std::int64_t heap_bytes();

/// Growth of the heap that counts as none, in bytes.
constexpr std::int64_t heap_growth_max = 1 << 20;

/// Calls `work(i)` for `i` from 0, `calls` times to warm up and `calls` times again. @returns a
/// sentence if the heap grows by more than `growth_max` bytes in the second half. Other threads
/// must be idle.
std::optional<std::string> memory_grows(std::uint64_t calls,
                                        const std::function<void(std::uint64_t)>& work,
                                        std::int64_t growth_max = heap_growth_max);

} // namespace atl::verify
