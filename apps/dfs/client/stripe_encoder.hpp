#pragma once

#include "client/chunk_source.hpp"
#include "settings/schemes.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// The next bytes of each fragment of a chunk. Each is as long as `stripe_encoder::step_bytes`,
/// and shorter, or empty, at the fragment's end.
struct fragment_pieces {
  std::vector<std::string> bytes;
};

/// Makes the fragments of a chunk a few stripes at a time. For one thread.
class stripe_encoder {
 public:
  /// @param from must outlive this object, as must `by`
  /// @pre `is_possible`
  stripe_encoder(const scheme& by, const chunk_source& from);

  /// Can the scheme's fragments be made and sent piece by piece?
  static bool is_possible(const atl::spi::recovery& scheme);
  /// Bytes of each fragment that are made at once: whole cells, and whole batches of a write.
  static std::size_t step_bytes(const atl::spi::recovery& scheme);

  /// Are there further pieces? Also a chunk of no bytes has none.
  bool has_more() const { return taken_ < from_.size; }
  /// Makes the next pieces in the memory of earlier ones. Throws `plugin_threw`. Errors: those of
  /// the source; io if it has fewer bytes than the chunk.
  atl::status make(fragment_pieces& pieces);
  /// The checksum of the bytes that were taken from the source so far.
  std::uint32_t crc() const { return crc_; }

 private:
  atl::status make_stripe(fragment_pieces& pieces, std::size_t row);
  atl::status read(std::span<char> into);

  const scheme& by_;
  const chunk_source& from_;
  const atl::spi::striping stripes_;
  const std::size_t step_bytes_;
  std::uint64_t taken_ = 0; ///< bytes of the source
  std::uint32_t crc_ = 0;
};

} // namespace dfs
