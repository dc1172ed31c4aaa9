#pragma once

#include <cstddef>
#include <cstdint>

namespace atl::balancers {

/// Mixes all bits of a word: the finalizer of splitmix64 (Steele, Lea, Flood, *Fast splittable
/// pseudorandom number generators*, 2014). Different words give different results.
constexpr std::uint64_t mix(std::uint64_t word) {
  word += 0x9e3779b97f4a7c15;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

/// A hash of two words in this order, such as a member's id and the number of one of its points.
constexpr std::uint64_t mix(std::uint64_t first, std::uint64_t second) {
  return mix(mix(first) ^ second);
}

/// A hash of two words that are mixed already; several times cheaper than `mix`: the two halves of
/// their product, folded (as in wyhash).
constexpr std::uint64_t fold(std::uint64_t mixed, std::uint64_t other_mixed) {
  __extension__ using wide = unsigned __int128;
  auto product = static_cast<wide>(mixed) * other_mixed;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// A hash as an index in [0, `size`), each about as often.
constexpr std::size_t index_of(std::uint64_t hash, std::size_t size) {
  __extension__ using wide = unsigned __int128;
  return static_cast<std::size_t>((static_cast<wide>(hash) * size) >> 64);
}

/// A hash as a number in (0, 1).
constexpr double unit_of(std::uint64_t hash) {
  return (static_cast<double>(hash >> 12) + 0.5) * 0x1.0p-52;
}

} // namespace atl::balancers
