#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace atl {

/// A hash over texts in order, for accidental differences; not cryptographic.
class state_hash {
 public:
  void add(std::string_view text) {
    mix(text.size());
    for (; text.size() >= 8; text.remove_prefix(8)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data(), 8);
      mix(word);
    }
    std::uint64_t rest = 0;
    std::memcpy(&rest, text.data(), text.size());
    mix(rest);
  }

  std::uint64_t value() const { return hash_; }

 private:
  /// The finalizer of SplitMix64.
  void mix(std::uint64_t word) {
    auto z = (hash_ ^ word) + 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    hash_ = z ^ (z >> 31);
  }

  std::uint64_t hash_ = 0;
};

} // namespace atl
