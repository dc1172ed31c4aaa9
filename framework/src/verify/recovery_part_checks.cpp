#include "recovery_part_checks.hpp"

#include "encoded_fragments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

namespace atl::verify::parts {

namespace {

using properties::all_sources_but;
using properties::encoded_fragments;
using properties::pieces_of;

constexpr std::size_t block_bytes = std::size_t{64} << 10; ///< that hosts read and check at once

std::size_t bytes_of(const std::vector<spi::fragment_range>& reads) {
  return std::accumulate(reads.begin(), reads.end(), std::size_t{0},
                         [](auto sum, auto& read) { return sum + read.length; });
}

/// The bytes of the fewest whole fragments, in turn, that are enough without one.
std::size_t bytes_of_enough(const spi::recovery& scheme, std::size_t size, std::uint32_t lost) {
  auto whole = spi::detail::cheapest_whole_fragments(
      scheme, size, all_sources_but(scheme.layout().total, lost), lost);
  return whole ? bytes_of(*whole) : 0;
}

bool are_possible(const std::vector<spi::fragment_range>& reads,
                  const std::vector<std::string>& fragments, std::uint32_t lost) {
  return std::ranges::all_of(reads, [&](auto& read) {
    return read.fragment < fragments.size() && read.fragment != lost &&
           read.offset <= fragments[read.fragment].size() &&
           read.length <= fragments[read.fragment].size() - read.offset;
  });
}

std::string name_of(const spi::fragment_range& wanted) {
  return fmt::format("bytes {} to {} of fragment {}", wanted.offset, wanted.offset + wanted.length,
                     wanted.fragment);
}

/// Whether a lost fragment's part is made rightly. @param read gets how much is read for it
finding rebuilds(const spi::recovery& scheme, std::size_t size,
                 const std::vector<std::string>& fragments, const spi::fragment_range& wanted,
                 std::size_t& read) {
  auto reads = scheme.reads_to_rebuild(size, wanted,
                                       all_sources_but(scheme.layout().total, wanted.fragment));
  if (!reads)
    return "names no reads for " + name_of(wanted) + " with all other fragments there";
  if (!are_possible(*reads, fragments, wanted.fragment))
    return "names impossible reads for " + name_of(wanted);
  read = bytes_of(*reads);
  std::string made(wanted.length, '\x5a');
  if (!scheme.rebuild(size, wanted, pieces_of(fragments, *reads), made))
    return "doesn't make " + name_of(wanted) + " out of the reads that it names";
  if (made != fragments[wanted.fragment].substr(wanted.offset, wanted.length))
    return "makes " + name_of(wanted) + " other than it encodes them";
  return std::nullopt;
}

/// Whether a set of all but one of the fragments is enough.
bool survives(const spi::recovery& scheme, std::uint32_t lost) {
  std::vector<bool> present(scheme.layout().total, true);
  present[lost] = false;
  return scheme.enough(present);
}

} // namespace

finding rebuild_every_fragment(const spi::recovery& scheme, std::string_view chunk,
                               spi::random_source& random) {
  auto fragments = encoded_fragments(scheme, chunk);
  for (std::uint32_t lost = 0; lost < fragments.size(); ++lost) {
    if (!survives(scheme, lost))
      continue;
    auto bytes = fragments[lost].size();
    std::size_t read = 0;
    if (auto wrong = rebuilds(scheme, chunk.size(), fragments, {lost, 0, bytes}, read))
      return wrong;
    if (auto enough = bytes_of_enough(scheme, chunk.size(), lost); read > enough)
      return fmt::format("reads {} bytes to make fragment {}, and whole fragments that are enough "
                         "have {}",
                         read, lost, enough);
    auto window = 1 + bytes / 3 + random.below(bytes / 3 + 1);
    for (std::size_t at = 0; at < bytes; at += window)
      if (auto wrong = rebuilds(scheme, chunk.size(), fragments,
                                {lost, at, std::min(window, bytes - at)}, read))
        return wrong;
  }
  return std::nullopt;
}

finding read_ranges_at_edges(const spi::recovery& scheme, std::string_view chunk,
                             spi::random_source& random) {
  auto fragments = encoded_fragments(scheme, chunk);
  auto size = chunk.size();
  std::set<std::size_t> edges{0, size};
  auto add = [&](std::size_t edge) {
    for (auto near : {edge - 1, edge, edge + 1})
      if (edge > 0 && near <= size)
        edges.insert(near);
  };
  add(1);
  add(block_bytes);
  add(block_bytes * scheme.layout().needed);
  std::size_t end_of_fragments = 0;
  for (auto& fragment : fragments)
    add(end_of_fragments += fragment.size());
  add(size);
  for (auto begin : edges)
    for (auto end : edges) {
      if (end < begin || (end - begin > 2 * block_bytes && !random.chance(0.2)))
        continue;
      auto lost = static_cast<std::uint32_t>(random.below(fragments.size()));
      if (!survives(scheme, lost))
        continue;
      auto what = fmt::format("bytes {} to {} without fragment {}", begin, end, lost);
      auto reads =
          scheme.reads_for(size, begin, end - begin, all_sources_but(scheme.layout().total, lost));
      if (!reads || !are_possible(*reads, fragments, lost))
        return "names no possible reads for " + what;
      std::string made(end - begin, '\x5a');
      if (!scheme.assemble(size, begin, pieces_of(fragments, *reads), made))
        return "doesn't make " + what + " out of the reads that it names";
      if (made != chunk.substr(begin, end - begin))
        return "makes wrong " + what;
    }
  return std::nullopt;
}

namespace {

/// The pieces with something wrong, in several ways, and a word for it.
struct altered_pieces {
  std::vector<spi::piece> pieces;
  std::string_view how;
};

std::vector<altered_pieces> altered(const std::vector<spi::piece>& pieces,
                                    spi::random_source& random) {
  std::vector<altered_pieces> all;
  if (pieces.empty())
    return all;
  auto at = random.below(pieces.size());
  auto change = [&](std::string_view how, const std::function<void(spi::piece&)>& alter) {
    all.push_back({pieces, how});
    alter(all.back().pieces[at]);
  };
  all.push_back({pieces, "a piece is left out"});
  all.back().pieces.erase(all.back().pieces.begin() + static_cast<std::ptrdiff_t>(at));
  all.push_back({{}, "there are no pieces"});
  if (pieces[at].bytes.empty())
    return all;
  change("a piece is cut", [](auto& piece) {
    piece.from.length /= 2;
    piece.bytes = piece.bytes.substr(0, piece.from.length);
  });
  change("a piece lacks its beginning", [](auto& piece) {
    piece.from.offset += 1;
    piece.from.length -= 1;
    piece.bytes.remove_prefix(1);
  });
  change("a piece has fewer bytes than it says", [](auto& piece) { piece.bytes.remove_suffix(1); });
  change("a piece is of a fragment that the scheme doesn't have",
         [](auto& piece) { piece.from.fragment += 1'000; });
  return all;
}

} // namespace

finding refuse_wrong_pieces(const spi::recovery& scheme, std::string_view chunk,
                            spi::random_source& random) {
  auto fragments = encoded_fragments(scheme, chunk);
  auto total = scheme.layout().total;
  auto lost = static_cast<std::uint32_t>(random.below(total));
  if (!survives(scheme, lost) || fragments[lost].empty())
    return std::nullopt;
  spi::fragment_range wanted{lost, 0, fragments[lost].size()};
  auto to_rebuild = scheme.reads_to_rebuild(chunk.size(), wanted, all_sources_but(total, lost));
  auto for_chunk = scheme.reads_for(chunk.size(), 0, chunk.size(), all_sources_but(total, lost));
  if (!to_rebuild || !for_chunk || !are_possible(*to_rebuild, fragments, lost) ||
      !are_possible(*for_chunk, fragments, lost))
    return "names no possible reads without fragment " + std::to_string(lost);
  for (auto& [pieces, how] : altered(pieces_of(fragments, *to_rebuild), random)) {
    std::string made(wanted.length, '\x5a');
    if (scheme.rebuild(chunk.size(), wanted, pieces, made) && made != fragments[lost])
      return fmt::format("makes a wrong fragment {} when {}", lost, how);
  }
  for (auto& [pieces, how] : altered(pieces_of(fragments, *for_chunk), random)) {
    std::string made(chunk.size(), '\x5a');
    if (scheme.assemble(chunk.size(), 0, pieces, made) && made != chunk)
      return fmt::format("makes a wrong chunk without fragment {} when {}", lost, how);
  }
  auto more = pieces_of(fragments, *to_rebuild);
  for (std::uint32_t index = 0; index < total; ++index)
    if (index != lost)
      more.push_back({{index, 0, fragments[index].size()}, fragments[index]});
  std::string made(wanted.length, '\x5a');
  if (!scheme.rebuild(chunk.size(), wanted, more, made) || made != fragments[lost])
    return fmt::format("doesn't make fragment {} out of more pieces than it named", lost);
  return std::nullopt;
}

} // namespace atl::verify::parts
