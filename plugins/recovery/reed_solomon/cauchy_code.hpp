#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace atl::reed_solomon {

/// Reed-Solomon codes over GF(2⁸) with a Cauchy matrix (Blömer et al., *An XOR-Based
/// Erasure-Resilient Coding Scheme*, 1995): each of its square parts can be inverted, so any `data`
/// of the fragments make all others. (That isn't so of the Vandermonde matrix that ISA-L offers as
/// well.) The arithmetic is ISA-L's. Immutable and thread-safe.
class cauchy_code {
 public:
  /// @param data 1 or more. @param parity 1 or more; data + parity ≤ 256
  cauchy_code(std::uint32_t data, std::uint32_t parity);

  std::uint32_t data() const { return data_; }
  std::uint32_t parity() const { return parity_; }

  /// Makes the parity of `bytes` bytes of each data fragment.
  /// @param from one for each data fragment. @param to one for each parity fragment
  void encode(std::size_t bytes, std::span<const unsigned char* const> from,
              std::span<unsigned char* const> to) const;

  /// Makes some fragments out of others.
  class decoder {
   public:
    /// @param from one for each of `present`, in that order. @param to one for each of `wanted`
    void run(std::size_t bytes, std::span<const unsigned char* const> from,
             std::span<unsigned char* const> to) const;

   private:
    friend class cauchy_code;
    std::size_t wanted_ = 0;
    std::vector<unsigned char> tables_;
  };

  /// @param present the indexes of `data()` different fragments
  /// @param wanted indexes of the fragments to make
  decoder make_decoder(std::span<const std::uint32_t> present,
                       std::span<const std::uint32_t> wanted) const;

 private:
  std::uint32_t data_;
  std::uint32_t parity_;
  std::vector<unsigned char> matrix_; ///< a row for each fragment, `data_` columns
  std::vector<unsigned char> tables_; ///< ISA-L's, of the rows of the parity
};

} // namespace atl::reed_solomon
