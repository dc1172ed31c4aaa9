#pragma once

#include "layered_code.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace atl::clay {

/// Bytes of a fragment's cell in a stripe, counted from the cell's beginning.
struct cell_part {
  std::uint32_t fragment = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The same bytes of the pieces of some layers, which hold all that is wanted of lost cells. What
/// lies at one place of all pieces belongs together.
struct lost_bytes {
  layer_set layers;
  std::size_t begin = 0; ///< within each piece
  std::size_t end = 0;
};

/// @param parts at least one, none of them empty
inline lost_bytes bytes_of(std::span<const cell_part> parts, std::uint32_t layers,
                           std::size_t piece_bytes) {
  lost_bytes found{layer_set(layers), piece_bytes, 0};
  for (auto& part : parts) {
    auto first = part.begin / piece_bytes, last = (part.end - 1) / piece_bytes;
    auto is_in_one = first == last;
    found.begin = std::min(found.begin, is_in_one ? part.begin % piece_bytes : 0);
    found.end = std::max(found.end, is_in_one ? (part.end - 1) % piece_bytes + 1 : piece_bytes);
    for (auto layer = first; layer <= last; ++layer)
      found.layers[layer] = true;
  }
  return found;
}

} // namespace atl::clay
