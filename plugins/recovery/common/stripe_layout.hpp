#pragma once

#include <cstddef>
#include <cstdint>

namespace atl::coded {

/// How a chunk is laid out over data and parity fragments. The chunk is cut into cells of
/// `cell_bytes`, which go round the data fragments: `data` cells in a row are a stripe. A parity
/// fragment has one cell a stripe. Only the last stripe may be shorter: its first cell has up to
/// `cell_bytes`, the following ones what is left, down to nothing; its parity cells are as long as
/// its first cell, as if the others were filled up with zeros. Nothing is padded on disk.
///
/// With cells of 64 KiB a read of 4 KiB touches one fragment, and a stripe fits into the cache of a
/// processor (as in HDFS-EC and Ceph).
struct stripe_layout {
  std::uint32_t data = 1;   ///< fragments with the chunk's own bytes; ≥ 1
  std::uint32_t parity = 0; ///< further fragments
  std::size_t cell_bytes = std::size_t{64} << 10;

  std::uint32_t total() const { return data + parity; }
  std::size_t stripe_bytes() const { return data * cell_bytes; } ///< of a full stripe's own bytes

  /// Stripes of a chunk of `size` bytes, the last one perhaps shorter. Any `size`.
  std::size_t stripes(std::size_t size) const {
    return size / stripe_bytes() + (size % stripe_bytes() != 0 ? 1 : 0);
  }
  /// Bytes in fragment `index` of a chunk of `size` bytes. Any `size`.
  std::size_t fragment_bytes(std::size_t size, std::uint32_t index) const {
    return size / stripe_bytes() * cell_bytes + last_cell_bytes(size % stripe_bytes(), index);
  }
  /// Bytes in the cell of fragment `index` in a stripe. @pre the chunk has that stripe
  std::size_t cell_bytes_of(std::size_t size, std::size_t stripe, std::uint32_t index) const {
    return stripe < size / stripe_bytes() ? cell_bytes
                                          : last_cell_bytes(size % stripe_bytes(), index);
  }

 private:
  /// In a stripe with `left` of the chunk's bytes, fewer than in a full one.
  std::size_t last_cell_bytes(std::size_t left, std::uint32_t index) const {
    auto before = index < data ? index * cell_bytes : 0; // a parity cell is as long as the first
    auto rest = left > before ? left - before : 0;
    return rest < cell_bytes ? rest : cell_bytes;
  }
};

} // namespace atl::coded
