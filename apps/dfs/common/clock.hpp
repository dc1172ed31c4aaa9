#pragma once

#include <chrono>
#include <cstdint>

namespace dfs {

/// Microseconds since 1970, by this machine's clock.
inline std::uint64_t now_us() {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

} // namespace dfs
