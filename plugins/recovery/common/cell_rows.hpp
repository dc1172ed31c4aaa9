#pragma once

#include "stripe_layout.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace atl::coded {

/// Bytes of fragments from `begin` up to `end`: what lies at one place of all fragments belongs
/// together, as one row of the code.
struct row_range {
  std::size_t begin = 0;
  std::size_t end = 0;

  bool empty() const { return begin >= end; }
  friend bool operator==(const row_range&, const row_range&) = default;
};

/// Where a data fragment holds bytes of the chunk's range `offset` … + `length`: they follow each
/// other within the fragment, because a range that leaves a stripe goes up to the stripe's end.
inline row_range rows_of(const stripe_layout& layout, std::uint32_t data_fragment,
                         std::size_t offset, std::size_t length) {
  if (length == 0)
    return {};
  auto cell_begin = data_fragment * layout.cell_bytes; // within a stripe
  auto row_at = [&](std::size_t position) {            // of the chunk, clamped to the fragment
    auto stripe = position / layout.stripe_bytes();
    auto within = position % layout.stripe_bytes();
    auto in_cell = within <= cell_begin ? 0 : std::min(within - cell_begin, layout.cell_bytes);
    return stripe * layout.cell_bytes + in_cell;
  };
  return {row_at(offset), row_at(offset + length)};
}

/// The part of the rows that a fragment of `bytes` bytes has; the rest counts as zeros.
inline row_range clip(row_range rows, std::size_t bytes) {
  return {std::min(rows.begin, bytes), std::min(rows.end, bytes)};
}

} // namespace atl::coded
