#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace atl::verify {

/// Bytes that the allocator of this process has handed out and not got back, also under sanitizers.
std::int64_t heap_bytes();

/// Calls `work(i)` for `i` from 0, `calls` times to warm up and `calls` times more, and says so if
/// the memory that this process holds grows by more than about a MiB in the second half. Other
/// threads must be idle.
std::optional<std::string> memory_grows(std::uint64_t calls,
                                        const std::function<void(std::uint64_t)>& work);

} // namespace atl::verify
