#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace atl::coded {

/// A code over GF(2⁸): `data` fragments as they are, and further ones that are linear combinations
/// of them. The arithmetic is ISA-L's. Immutable and thread-safe.
class linear_code {
 public:
  /// @param data 1 or more
  /// @param parity_rows the coefficients of each parity fragment, `data` for each; at most
  /// 256 - `data` rows
  linear_code(std::uint32_t data, std::vector<unsigned char> parity_rows);

  std::uint32_t data() const { return data_; }
  std::uint32_t parity() const { return parity_; }
  std::uint32_t total() const { return data_ + parity_; }

  /// The coefficient of data fragment `column` in a parity fragment. @param row from 0 on
  unsigned char coefficient(std::uint32_t row, std::uint32_t column) const {
    return matrix_[std::size_t{data_ + row} * data_ + column];
  }

  /// Makes the parity of `bytes` bytes of each data fragment.
  /// @param from one for each data fragment. @param to one for each parity fragment
  void encode(std::size_t bytes, std::span<const unsigned char* const> from,
              std::span<unsigned char* const> to) const;

  /// Makes some fragments out of others.
  class decoder {
   public:
    /// The fragments that it reads.
    std::span<const std::uint32_t> sources() const { return sources_; }
    /// @param from one for each of `sources()`, in that order. @param to one for each wanted one
    void run(std::size_t bytes, std::span<const unsigned char* const> from,
             std::span<unsigned char* const> to) const;

   private:
    friend class linear_code;
    std::size_t wanted_ = 0;
    std::vector<std::uint32_t> sources_;
    std::vector<unsigned char> tables_;
  };

  /// How the wanted fragments are made of some of `present`: of the first ones that suffice, and
  /// of these only the ones that matter. None: they can't be made.
  /// @param present indexes of different fragments. @param wanted indexes of fragments
  std::optional<decoder> make_decoder(std::span<const std::uint32_t> present,
                                      std::span<const std::uint32_t> wanted) const;

 private:
  std::span<const unsigned char> row(std::uint32_t index) const {
    return std::span{matrix_}.subspan(std::size_t{index} * data_, data_);
  }

  std::uint32_t data_;
  std::uint32_t parity_;
  std::vector<unsigned char> matrix_; ///< a row for each fragment, `data_` columns
  std::vector<unsigned char> tables_; ///< ISA-L's, of the rows of the parity
};

} // namespace atl::coded
