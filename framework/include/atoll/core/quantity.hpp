#pragma once

#include <atoll/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace atl {

/// A duration as it is written in configuration: digits and a unit of `us`, `ms`, `s`, `m` or `h`,
/// such as `150ms`. No sign, no fraction, no blank; what doesn't fit 63 bits of microseconds is
/// `errc::invalid`.
result<std::chrono::microseconds> parse_duration(std::string_view text);

/// A number of bytes: digits, and `B`, `KiB`, `MiB`, `GiB`, `TiB` or nothing, such as `8MiB`.
result<std::int64_t> parse_size(std::string_view text);

/// The shortest exact text that `parse_duration` reads back: `150ms`, `2m`.
std::string format_duration(std::chrono::microseconds duration);

/// The shortest exact text that `parse_size` reads back: `8MiB`, `1000`.
std::string format_size(std::int64_t bytes);

} // namespace atl
