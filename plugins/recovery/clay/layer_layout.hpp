#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace atl::clay {

/// How a chunk is laid out. It is cut into stripes; a stripe has a cell of each fragment, and a
/// cell has a piece for each layer of the code, one after the other. The data cells have the
/// stripe's bytes in their order, cell after cell. Pieces have up to `piece_bytes_max`. All stripes
/// have the longest pieces but the last, which shares out what is left: its pieces are as short as
/// they can be, its data cells lack what the chunk hasn't, which counts as zeros, and nothing of
/// that is stored.
struct layer_layout {
  std::uint32_t data = 1;
  std::uint32_t parity = 2;
  std::uint32_t layers = 1;
  std::size_t piece_bytes_max = std::size_t{64} << 10;

  struct stripe {
    std::size_t chunk_begin = 0;    ///< where its bytes begin in the chunk
    std::size_t bytes = 0;          ///< of the chunk in this stripe; ≥ 1
    std::size_t fragment_begin = 0; ///< where its cells begin in their fragments
    std::size_t piece_bytes = 0;    ///< for each layer
    std::size_t cell_bytes = 0;     ///< of a parity cell, and of a data cell that lacks nothing
  };

  std::uint32_t total() const { return data + parity; }
  std::size_t stripe_bytes_max() const { return std::size_t{data} * layers * piece_bytes_max; }

  /// Stripes of a chunk of `size` bytes. Any `size`.
  std::size_t stripes(std::size_t size) const {
    return size / stripe_bytes_max() + (size % stripe_bytes_max() != 0 ? 1 : 0);
  }

  /// @pre the chunk has stripe `number`
  stripe stripe_at(std::size_t size, std::size_t number) const {
    stripe made;
    made.chunk_begin = number * stripe_bytes_max();
    made.bytes = std::min(stripe_bytes_max(), size - made.chunk_begin);
    made.fragment_begin = number * layers * piece_bytes_max;
    auto pieces = std::size_t{data} * layers;
    made.piece_bytes = made.bytes / pieces + (made.bytes % pieces != 0 ? 1 : 0);
    made.cell_bytes = layers * made.piece_bytes;
    return made;
  }

  /// Bytes in a fragment's cell.
  std::size_t cell_bytes(const stripe& of, std::uint32_t fragment) const {
    if (fragment >= data)
      return of.cell_bytes;
    auto before = fragment * of.cell_bytes;
    return before >= of.bytes ? 0 : std::min(of.cell_bytes, of.bytes - before);
  }

  /// Bytes in a fragment of a chunk of `size` bytes. Any `size`.
  std::size_t fragment_bytes(std::size_t size, std::uint32_t fragment) const {
    if (size == 0)
      return 0;
    auto last = stripe_at(size, stripes(size) - 1);
    return last.fragment_begin + cell_bytes(last, fragment);
  }
};

} // namespace atl::clay
