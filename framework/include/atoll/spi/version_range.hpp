#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace atl::spi {

/// The versions of a protocol that one side speaks, both ends included.
struct version_range {
  std::uint32_t min = 1;
  std::uint32_t max = 1;

  friend constexpr bool operator==(const version_range&, const version_range&) = default;
};

/// The highest version that both sides speak; none if the ranges don't meet, or if the ends of one
/// of them are swapped.
constexpr std::optional<std::uint32_t> common_version(const version_range& one,
                                                      const version_range& other) {
  auto highest = std::min(one.max, other.max);
  return std::max(one.min, other.min) <= highest ? std::optional{highest} : std::nullopt;
}

/// `2`, or `2 to 4`.
inline std::string to_string(const version_range& range) {
  auto max = std::to_string(range.max);
  return range.min == range.max ? max : std::to_string(range.min) + " to " + max;
}

} // namespace atl::spi
