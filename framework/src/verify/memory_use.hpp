#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace atl::verify {

/// Bytes currently allocated from this process's heap; works under sanitizers too.
std::int64_t heap_bytes();

/// Calls `work(i)` for `i` from 0, `calls` times to warm up and `calls` times again. @returns a
/// sentence if the heap grows by more than about a MiB in the second half. Other threads must be
/// idle.
std::optional<std::string> memory_grows(std::uint64_t calls,
                                        const std::function<void(std::uint64_t)>& work);

} // namespace atl::verify
