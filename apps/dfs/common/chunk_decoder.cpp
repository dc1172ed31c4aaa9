#include "common/chunk_decoder.hpp"

#include <atoll/core/crc32c.hpp>

#include <algorithm>
#include <optional>
#include <string_view>

namespace dfs {

namespace {

/// Each attempt decodes a whole chunk, so their number is bounded.
constexpr std::size_t wrong_combinations_max = 64;
constexpr std::size_t tried_combinations_max = 10'000;

} // namespace

chunk_decoder::chunk_decoder(const atl::spi::recovery& scheme, const chunk_record& chunk,
                             std::span<char> into)
    : scheme_{scheme}, chunk_{chunk}, into_{into}, in_place_{scheme.layout().identical} {
  for (std::uint32_t index = 0; index < chunk.nodes.size(); ++index)
    in_place_ = in_place_ && scheme_.fragment_size(into.size(), index) == into.size();
}

std::span<char> chunk_decoder::buffer_for(std::uint32_t index) {
  if (in_place_)
    return into_;
  auto& buffer = buffers_[index];
  buffer.resize(scheme_.fragment_size(into_.size(), index));
  return buffer;
}

bool chunk_decoder::add(std::uint32_t index) {
  if (in_place_)
    return try_combination({index}); // the fragment has replaced the previous one
  auto whole = try_combinations_with(index);
  received_fragments_.push_back(index);
  return whole;
}

/// Combinations without the newest fragment were tried before. Smaller combinations come first:
/// with fewer fragments it is likelier that none of them is wrong.
bool chunk_decoder::try_combinations_with(std::uint32_t newest) {
  for (std::size_t others = 0; others <= received_fragments_.size(); ++others) {
    std::vector<char> chosen(received_fragments_.size(), 0);
    std::fill_n(chosen.begin(), others, 1);
    do {
      if (++tried_combinations_ > tried_combinations_max ||
          wrong_combinations_ >= wrong_combinations_max)
        return false;
      std::vector<std::uint32_t> indices{newest};
      std::vector<bool> present(chunk_.nodes.size());
      present[newest] = true;
      for (std::size_t i = 0; i < chosen.size(); ++i)
        if (chosen[i] != 0) {
          indices.push_back(received_fragments_[i]);
          present[received_fragments_[i]] = true;
        }
      if (scheme_.enough(present) && try_combination(indices))
        return true;
    } while (std::prev_permutation(chosen.begin(), chosen.end()));
  }
  return false;
}

bool chunk_decoder::try_combination(const std::vector<std::uint32_t>& indices) {
  std::vector<std::optional<std::string_view>> fragments(chunk_.nodes.size());
  for (auto index : indices)
    fragments[index] = in_place_ ? std::string_view{into_.data(), into_.size()}
                                 : std::string_view{buffers_.at(index)};
  std::string scratch;
  auto whole = scheme_.decode(into_.size(), fragments, scratch);
  if (!whole || whole->size() != into_.size() || atl::crc32c(*whole) != chunk_.crc) {
    ++wrong_combinations_;
    return false;
  }
  if (whole->data() != into_.data())
    std::copy(whole->begin(), whole->end(), into_.begin());
  return true;
}

} // namespace dfs
