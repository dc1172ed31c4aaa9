#pragma once

#include "../common/key_hash.hpp"

#include <cstdint>

namespace atl::balancers {

/// A permutation of the numbers of up to 32 bits that a seed decides, and its inverse.
class bit_permutation {
 public:
  bit_permutation(std::uint64_t seed, unsigned bits)
      : mask_{static_cast<std::uint32_t>((std::uint64_t{1} << bits) - 1)}, shift_{(bits + 1) / 2},
        offset_{word(seed, 0)}, first_{word(seed, 1) | 1}, second_{word(seed, 2) | 1},
        first_inverse_{inverse(first_)}, second_inverse_{inverse(second_)} {}

  std::uint32_t operator()(std::uint32_t number) const {
    number = ((number ^ offset_) * first_) & mask_;
    return ((number ^ (number >> shift_)) * second_) & mask_;
  }

  std::uint32_t undo(std::uint32_t number) const {
    number = (number * second_inverse_) & mask_;
    // Half of the bits at least were shifted out: the same step undoes itself.
    number ^= number >> shift_;
    return ((number * first_inverse_) ^ offset_) & mask_;
  }

 private:
  static std::uint32_t word(std::uint64_t seed, std::uint64_t number) {
    return static_cast<std::uint32_t>(mix(seed, number));
  }

  /// The number whose product with an odd number is 1, modulo 2^32, by Newton's method: each step
  /// doubles the bits that are right, of which the first guess has three.
  static constexpr std::uint32_t inverse(std::uint32_t odd) {
    auto result = odd;
    for (int step = 0; step < 4; ++step)
      result *= 2 - odd * result;
    return result;
  }

  std::uint32_t mask_;
  std::uint32_t shift_;
  std::uint32_t offset_, first_, second_;
  std::uint32_t first_inverse_, second_inverse_;
};

} // namespace atl::balancers
