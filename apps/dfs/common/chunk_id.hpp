#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dfs {

/// A chunk's unique id: the time at which a master created it (microseconds since 1970) and 64
/// random bits. The time shows whether an unreferenced chunk is old enough to be collected.
struct chunk_id {
  std::uint64_t made_us = 0;
  std::uint64_t random = 0;

  friend auto operator<=>(const chunk_id&, const chunk_id&) = default;
};

/// 32 lower-case hexadecimal digits.
std::string to_string(const chunk_id& id);
std::optional<chunk_id> parse_chunk_id(std::string_view text);

} // namespace dfs

template <>
struct std::hash<dfs::chunk_id> {
  std::size_t operator()(const dfs::chunk_id& id) const noexcept {
    return id.random ^ (id.made_us * 0x9e3779b97f4a7c15);
  }
};
