#pragma once

#include "../common/linear_code.hpp"

#include <cstdint>

namespace atl::reed_solomon {

/// Reed-Solomon codes over GF(2⁸) with a Cauchy matrix (Blömer et al., *An XOR-Based
/// Erasure-Resilient Coding Scheme*, 1995): each of its square parts can be inverted, so any `data`
/// of the fragments make all others. (That isn't so of the Vandermonde matrix that ISA-L offers as
/// well.)
class cauchy_code : public coded::linear_code {
 public:
  /// @param data 1 or more. @param parity 1 or more; data + parity ≤ 256
  cauchy_code(std::uint32_t data, std::uint32_t parity);
};

} // namespace atl::reed_solomon
