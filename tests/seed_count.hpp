#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>

/// How many seeds a randomized test takes: ATOLL_SIM_SEEDS multiplies the number, and may be a
/// fraction. Under a sanitizer a seed takes some twenty times as long, so there are fewer.
inline std::uint64_t seed_count(std::uint64_t quick) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  quick /= 10;
#endif
  auto text = std::getenv("ATOLL_SIM_SEEDS");
  auto factor = text ? std::strtod(text, nullptr) : 1.0;
  return static_cast<std::uint64_t>(std::ceil(static_cast<double>(quick) * factor));
}
