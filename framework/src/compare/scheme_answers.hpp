#pragma once

#include <atoll/spi/recovery.hpp>

#include <bit>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace atl::compare {

/// Fragments of a chunk, as bits.
using fragment_set = std::uint64_t;
inline constexpr std::uint32_t answered_fragments_max = 64;

/// What a scheme answers about chunks of one size without some of their fragments. Each question is
/// put to the scheme once.
class scheme_answers {
 public:
  /// Refers to the scheme, which has at most `answered_fragments_max` fragments.
  scheme_answers(const spi::recovery& scheme, std::uint64_t chunk_bytes);

  std::uint32_t fragments() const { return fragments_; }
  /// Whether the chunk can be read without these fragments.
  bool survives(fragment_set lost);
  /// How many more fragments may be lost, whichever they are, as the scheme judges.
  std::uint32_t spare(fragment_set lost);
  /// Bytes that are read to rebuild this one of the lost fragments. The whole chunk's if the scheme
  /// finds no way.
  double rebuild_bytes(fragment_set lost, std::uint32_t fragment);

 private:
  struct answer {
    bool survives = true;
    std::uint32_t spare = 0;
    std::vector<double> rebuild_bytes; ///< by fragment; below 0: not asked yet
  };

  answer& answer_for(fragment_set lost);
  answer ask(fragment_set lost) const;

  const spi::recovery& scheme_;
  std::uint64_t chunk_bytes_;
  std::uint32_t fragments_;
  std::unordered_map<fragment_set, answer> answers_;
};

} // namespace atl::compare
