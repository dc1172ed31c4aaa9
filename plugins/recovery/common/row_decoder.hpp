#pragma once

#include "cell_rows.hpp"
#include "linear_code.hpp"
#include "stripe_layout.hpp"

#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace atl::coded {

/// Makes rows of one fragment out of parts of others. For one chunk, and one thread.
class row_decoder {
 public:
  /// @param code must outlive this object, as must `layout` and what `pieces` refers to
  row_decoder(const linear_code& code, const stripe_layout& layout, std::size_t size,
              std::span<const spi::piece> pieces)
      : code_{code}, layout_{layout}, size_{size}, pieces_{pieces} {}

  /// The bytes of these rows of the fragment in the order of the rows, as they were read.
  /// @returns none if no piece covers the rows
  std::optional<std::string_view> read(std::uint32_t fragment, row_range rows) const;

  /// Gives these rows of the fragment to `take`, a part after the other, as they were read or made
  /// out of others. @returns false if the pieces don't suffice
  /// @pre the fragment has the rows
  bool make(std::uint32_t fragment, row_range rows,
            const std::function<void(std::size_t row, std::string_view bytes)>& take) const;

 private:
  /// The part of the rows that the fragment has; the rest of a data fragment's rows are zeros.
  std::optional<std::string_view> known(std::uint32_t fragment, row_range rows) const;

  const linear_code& code_;
  const stripe_layout& layout_;
  std::size_t size_;
  std::span<const spi::piece> pieces_;
};

} // namespace atl::coded
