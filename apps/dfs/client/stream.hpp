#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace dfs {

/// Where the bytes of a file come from: fills the span as far as it can; 0 means the end.
using byte_source = std::function<atl::result<std::size_t>(std::span<char>)>;
/// Where they go, in order.
using byte_sink = std::function<atl::status(std::string_view)>;
/// How far a transfer is, in bytes. The total is 0 while it isn't known.
using progress_report = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// From and to an open file descriptor, which stays the caller's. `what` is for messages.
byte_source read_from(int fd, std::string what);
byte_sink write_to(int fd, std::string what);

} // namespace dfs
