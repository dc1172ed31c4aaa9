#pragma once

#include <cstdint>
#include <string_view>

namespace dfs {

/// When data counts as stored. The order is that of the bytes on the wire.
enum class durability : std::uint8_t {
  fsync,      ///< once the data is on stable storage
  replicated, ///< once all replicas have the data in memory; they sync it in the background
  /// As `fsync`, and each node has read the data back from its disk and answered its checksum.
  verified,
};
inline constexpr durability durability_last = durability::verified;

/// Is data synced before it counts as stored?
constexpr bool is_synced(durability level) {
  return level != durability::replicated;
}

constexpr std::string_view to_string(durability level) {
  switch (level) {
  case durability::replicated:
    return "replicated";
  case durability::verified:
    return "verified";
  default:
    return "fsync";
  }
}

} // namespace dfs
