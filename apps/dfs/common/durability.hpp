#pragma once

#include <cstdint>
#include <string_view>

namespace dfs {

/// When data counts as stored. The order is that of the bytes on the wire.
enum class durability : std::uint8_t {
  fsync,      ///< once the data is on stable storage
  replicated, ///< once all replicas have the data in memory; they sync it in the background
};
inline constexpr durability durability_last = durability::replicated;

constexpr std::string_view to_string(durability level) {
  return level == durability::fsync ? "fsync" : "replicated";
}

} // namespace dfs
