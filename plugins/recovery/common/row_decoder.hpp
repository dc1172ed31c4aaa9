#pragma once

#include "cell_rows.hpp"
#include "linear_code.hpp"
#include "stripe_layout.hpp"

#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::coded {

/// Makes rows of fragments out of parts of others. For one chunk, and one thread.
class row_decoder {
 public:
  struct wanted_rows {
    std::uint32_t fragment = 0;
    row_range rows; ///< that the fragment has
  };
  /// Where the bytes of a fragment from a row on go, up to the end of the row's cell.
  using place = std::function<char*(std::uint32_t fragment, std::size_t row)>;

  /// @param code must outlive this object, as must `layout` and what `pieces` refers to
  row_decoder(const linear_code& code, const stripe_layout& layout, std::size_t size,
              std::span<const spi::piece> pieces)
      : code_{code}, layout_{layout}, size_{size}, pieces_{pieces} {}

  /// Puts the rows where `to` says, as they were read or made out of others. Fragments of which the
  /// same rows are missing are made at once. @returns false if the pieces don't suffice
  bool make(std::span<const wanted_rows> wanted, const place& to);

 private:
  /// The bytes of these rows of the fragment in the order of the rows, as they were read. None if
  /// no piece covers the rows.
  std::optional<std::string_view> read(std::uint32_t fragment, row_range rows) const;
  /// The part of the rows that the fragment has; the rest of a data fragment's rows are zeros.
  std::optional<std::string_view> known(std::uint32_t fragment, row_range rows) const;
  /// Makes the same rows, of one cell, of several fragments.
  bool make_lost(const std::vector<std::uint32_t>& fragments, row_range rows, const place& to);

  const linear_code& code_;
  const stripe_layout& layout_;
  std::size_t size_;
  std::span<const spi::piece> pieces_;
  // The last decoder, for what it is: most cells of a chunk need the same one.
  std::vector<std::uint32_t> present_;
  std::vector<std::uint32_t> wanted_;
  std::optional<linear_code::decoder> decoder_;
  std::string filled_; ///< cells that end within the rows, filled up with zeros
};

} // namespace atl::coded
