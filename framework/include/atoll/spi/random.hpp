#pragma once

#include <cstdint>

namespace atl::spi {

/// The only source of chance that a plugin may use: xoshiro256** (Blackman & Vigna, *Scrambled
/// linear pseudorandom number generators*, 2018), seeded through splitmix64. The same seed gives
/// the same numbers with every compiler and library, which the standard distributions don't
/// promise.
class random_source {
 public:
  explicit random_source(std::uint64_t seed) {
    for (auto& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      auto z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }

  std::uint64_t next() {
    auto result = rotate(state_[1] * 5, 7) * 9;
    auto shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  /// Uniform in [0, `bound`); 0 when `bound` is 0. Without bias (Lemire 2019).
  std::uint64_t below(std::uint64_t bound) {
    if (bound == 0)
      return 0;
    for (;;) {
      __extension__ using wide = unsigned __int128;
      auto product = static_cast<wide>(next()) * bound;
      auto low = static_cast<std::uint64_t>(product);
      if (low >= bound || low >= (0 - bound) % bound)
        return static_cast<std::uint64_t>(product >> 64);
    }
  }

  /// Uniform in [`low`, `high`], both included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }

  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  bool chance(double probability) { return unit() < probability; }

 private:
  static std::uint64_t rotate(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

  std::uint64_t state_[4];
};

} // namespace atl::spi
