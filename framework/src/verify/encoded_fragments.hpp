#pragma once

#include <atoll/spi/recovery.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace atl::properties {

/// The fragments of a chunk, each in a buffer of its own and of exactly its size, like fragments
/// from different nodes.
inline std::vector<std::string> encoded_fragments(const spi::recovery& scheme,
                                                  std::string_view chunk) {
  std::string scratch;
  auto views = scheme.encode(chunk, scratch);
  return {views.begin(), views.end()};
}

/// All fragments but one, of the same cost.
inline std::vector<spi::source> all_sources_but(std::uint32_t total, std::uint32_t lost) {
  std::vector<spi::source> sources;
  for (std::uint32_t index = 0; index < total; ++index)
    if (index != lost)
      sources.push_back({index, 1});
  return sources;
}

/// What reads give. @pre they are within their fragments
inline std::vector<spi::piece> pieces_of(const std::vector<std::string>& fragments,
                                         const std::vector<spi::fragment_range>& reads) {
  std::vector<spi::piece> pieces;
  for (auto& read : reads)
    pieces.push_back(
        {read, std::string_view{fragments[read.fragment]}.substr(read.offset, read.length)});
  return pieces;
}

} // namespace atl::properties
