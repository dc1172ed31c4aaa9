#pragma once

#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Chunks and their fragments, for tests of schemes with parity.
namespace subject {

/// The same bytes for the same seed, in any release: files of the corpus depend on them.
inline std::string content(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  auto state = seed * 0x9e3779b97f4a7c15 + 1;
  for (auto& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

inline std::vector<std::string> encoded(const atl::spi::recovery& scheme, std::string_view chunk) {
  std::string scratch;
  auto fragments = scheme.encode(chunk, scratch);
  return {fragments.begin(), fragments.end()};
}

/// The chunk decoded without the fragments whose bits are set; none if that is impossible.
inline std::optional<std::string> decoded_without(const atl::spi::recovery& scheme,
                                                  std::size_t size,
                                                  const std::vector<std::string>& fragments,
                                                  std::uint64_t lost) {
  std::vector<std::optional<std::string_view>> left(fragments.begin(), fragments.end());
  for (std::size_t i = 0; i < left.size(); ++i)
    if ((lost >> i & 1) != 0)
      left[i].reset();
  std::string scratch;
  auto chunk = scheme.decode(size, left, scratch);
  return chunk ? std::optional<std::string>{*chunk} : std::nullopt;
}

/// All fragments but those whose bits are set, of the same cost.
inline std::vector<atl::spi::source> sources_without(std::uint32_t total, std::uint64_t lost) {
  std::vector<atl::spi::source> sources;
  for (std::uint32_t i = 0; i < total; ++i)
    if ((lost >> i & 1) == 0)
      sources.push_back({i, 1});
  return sources;
}

inline std::vector<atl::spi::piece> pieces_of(const std::vector<std::string>& fragments,
                                              const std::vector<atl::spi::fragment_range>& reads) {
  std::vector<atl::spi::piece> pieces;
  for (auto& each : reads)
    pieces.push_back(
        {each, std::string_view{fragments[each.fragment]}.substr(each.offset, each.length)});
  return pieces;
}

inline std::size_t bytes_in(const std::vector<atl::spi::fragment_range>& reads) {
  std::size_t bytes = 0;
  for (auto& each : reads)
    bytes += each.length;
  return bytes;
}

/// A part of a fragment, made out of the reads that the scheme names for it; empty if it names none
/// or doesn't make the part.
inline std::string rebuilt(const atl::spi::recovery& scheme, std::size_t size,
                           const std::vector<std::string>& fragments,
                           const atl::spi::fragment_range& wanted,
                           const std::vector<atl::spi::source>& sources) {
  auto reads = scheme.reads_to_rebuild(size, wanted, sources);
  std::string made(wanted.length, '\x5a');
  if (!reads || !scheme.rebuild(size, wanted, pieces_of(fragments, *reads), made))
    return {};
  return made;
}

/// A chunk with a good fragment `i` on the node 100 + i.
inline atl::spi::chunk_report whole_chunk(std::uint32_t total, std::uint64_t number = 0) {
  atl::spi::chunk_report chunk{number, {}};
  for (std::uint32_t i = 0; i < total; ++i)
    chunk.fragments.push_back({i, 100 + i, atl::spi::fragment_state::ok});
  return chunk;
}

} // namespace subject
