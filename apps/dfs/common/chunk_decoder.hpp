#pragma once

#include "common/types.hpp"

#include <atoll/spi/recovery.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace dfs {

/// Decodes a chunk from its fragments. The scheme's result is accepted only if it has the checksum
/// of the chunk's record; otherwise other combinations of the received fragments are tried, so that
/// a wrong fragment does no harm if the others suffice.
class chunk_decoder {
 public:
  /// @param into as large as the chunk; holds the chunk once `add` returns true, and is unspecified
  /// before.
  chunk_decoder(const atl::spi::recovery& scheme, const chunk_record& chunk, std::span<char> into);

  /// The buffer to read fragment `index` into, exactly as long as the fragment must be. @pre `add`
  /// is not called for a fragment of another length.
  std::span<char> buffer_for(std::uint32_t index);

  /// The fragment is in its buffer. @returns true once the chunk is decoded.
  bool add(std::uint32_t index);

  /// The number of combinations that should have sufficed and did not give the chunk.
  std::size_t wrong_combinations() const { return wrong_combinations_; }

 private:
  bool try_combinations_with(std::uint32_t newest);
  bool try_combination(const std::vector<std::uint32_t>& indices);

  const atl::spi::recovery& scheme_;
  const chunk_record& chunk_;
  std::span<char> into_;
  bool in_place_; ///< each fragment is the whole chunk and is read straight into `into_`
  std::map<std::uint32_t, std::string> buffers_;
  std::vector<std::uint32_t>
      received_fragments_; ///< the received fragments, in the order of arrival
  std::size_t wrong_combinations_ = 0;
  std::size_t tried_combinations_ = 0; ///< tried combinations, including insufficient ones
};

} // namespace dfs
