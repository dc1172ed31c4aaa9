#pragma once

#include "../common/cell_rows.hpp"
#include "../common/stripe_layout.hpp"
#include "cauchy_code.hpp"

#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace atl::reed_solomon {

/// Makes rows of one fragment out of parts of others. For one chunk, and one thread.
class row_decoder {
 public:
  /// @param code must outlive this object, as must what `pieces` refers to
  row_decoder(const cauchy_code& code, const coded::stripe_layout& layout, std::size_t size,
              std::span<const spi::piece> pieces)
      : code_{code}, layout_{layout}, size_{size}, pieces_{pieces} {}

  /// The bytes of these rows of the fragment in the order of the rows, as they were read.
  /// @returns none if no piece covers the rows
  std::optional<std::string_view> read(std::uint32_t fragment, coded::row_range rows) const;

  /// Gives these rows of the fragment to `take`, a part after the other, as they were read or made
  /// out of `code.data()` others. @returns false if the pieces don't suffice
  /// @pre the fragment has the rows
  bool make(std::uint32_t fragment, coded::row_range rows,
            const std::function<void(std::size_t row, std::string_view bytes)>& take) const;

 private:
  /// The part of the rows that the fragment has; the rest of a data fragment's rows are zeros.
  std::optional<std::string_view> known(std::uint32_t fragment, coded::row_range rows) const;

  const cauchy_code& code_;
  const coded::stripe_layout& layout_;
  std::size_t size_;
  std::span<const spi::piece> pieces_;
};

} // namespace atl::reed_solomon
