#include "encoded_fragments.hpp"
#include "recovery_properties.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

/// Properties of `encode`, `decode` and `enough`.
namespace atl::properties {

namespace {

constexpr std::uint64_t sampled_sets = 500;

bool is_inside(std::string_view part, std::string_view whole) {
  return std::less_equal<>{}(whole.data(), part.data()) &&
         std::less_equal<>{}(part.data() + part.size(), whole.data() + whole.size());
}

std::string names(const std::vector<bool>& present) {
  std::string text;
  for (std::size_t i = 0; i < present.size(); ++i)
    if (present[i])
      text += ' ' + std::to_string(i);
  return text.empty() ? " none" : text;
}

/// Set number `number` of all sets; if there are too many, a random set whose size is drawn first,
/// so that small, middle and nearly complete sets all occur.
std::vector<bool> choose_set(std::uint32_t total, std::uint64_t number, bool all,
                             spi::random_source& random) {
  std::vector<bool> present(total);
  if (all) {
    for (std::uint32_t i = 0; i < total; ++i)
      present[i] = (number >> i & 1) != 0;
    return present;
  }
  std::vector<std::uint32_t> order(total);
  std::iota(order.begin(), order.end(), 0);
  auto count = random.below(total + 1);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::swap(order[i], order[i + random.below(total - i)]);
    present[order[i]] = true;
  }
  return present;
}

/// The fragments that a host has received.
class available_fragments {
 public:
  available_fragments(const std::vector<std::string>& all, const std::vector<bool>& present)
      : bytes_(all.size()) {
    for (std::size_t i = 0; i < all.size(); ++i)
      if (present[i])
        bytes_[i] = all[i];
  }

  std::optional<std::string>& operator[](std::size_t index) { return bytes_[index]; }

  /// Decodes the chunk, if possible. @returns an error if the result is not a view of a fragment or
  /// of the scratch space.
  finding decode(const spi::recovery& scheme, std::size_t size,
                 std::optional<std::string>& chunk) const {
    std::string scratch(stale_bytes.begin(), stale_bytes.end());
    std::vector<std::optional<std::string_view>> views(bytes_.size());
    std::copy(bytes_.begin(), bytes_.end(), views.begin());
    auto decoded = scheme.decode(size, views, scratch);
    if (!decoded)
      return std::nullopt;
    if (decoded->size() != size)
      return "decodes " + std::to_string(decoded->size()) + " bytes of a chunk of " +
             std::to_string(size);
    auto holds = [&](auto& view) { return view && is_inside(*decoded, *view); };
    if (size > 0 && !is_inside(*decoded, scratch) &&
        std::none_of(views.begin(), views.end(), holds))
      return "decodes into memory that is neither a fragment's nor the scratch space";
    chunk = std::string{*decoded};
    return std::nullopt;
  }

 private:
  /// The initial content of the scratch space, as left from earlier work.
  static constexpr std::string_view stale_bytes = "left from an earlier chunk";

  std::vector<std::optional<std::string>> bytes_;
};

} // namespace

std::string random_bytes(spi::random_source& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes)
    byte = static_cast<char>(random.next());
  return bytes;
}

finding has_a_layout(const spi::recovery& scheme) {
  auto layout = scheme.layout();
  if (layout.total < 1 || layout.needed < 1 || layout.min_write < 1)
    return "its layout has a number below 1";
  if (layout.needed > layout.total || layout.min_write > layout.total)
    return "its layout needs more fragments than there are";
  if (layout.min_write < layout.needed)
    return "its layout acknowledges a write that couldn't be read";
  return std::nullopt;
}

finding counts_rightly(const spi::recovery& scheme, spi::random_source& random) {
  auto layout = scheme.layout();
  auto all = layout.total <= loss_tolerance::all_sets_max;
  auto sets = all ? std::uint64_t{1} << layout.total : sampled_sets;
  auto reached =
      !all; // a sample may not contain a set of exactly `needed` fragments that is enough
  for (std::uint64_t number = 0; number < sets; ++number) {
    auto present = choose_set(layout.total, number, all, random);
    auto count = static_cast<std::uint32_t>(std::count(present.begin(), present.end(), true));
    if (!scheme.enough(present)) {
      if (count == layout.total)
        return "says that all of its fragments aren't enough";
      continue;
    }
    if (count < layout.needed)
      return "says that fewer fragments than it needs are enough:" + names(present);
    reached = reached || count == layout.needed;
    auto more = present;
    more[random.below(layout.total)] = true;
    if (!scheme.enough(more))
      return "says that fragments" + names(present) + " are enough, and that" + names(more) +
             " aren't";
  }
  if (!reached)
    return "says that it needs " + std::to_string(layout.needed) +
           " fragments, and no set of so many is enough";
  return std::nullopt;
}

finding encodes_as_it_says(const spi::recovery& scheme, std::string_view chunk) {
  std::string scratch;
  auto fragments = scheme.encode(chunk, scratch);
  if (fragments.size() != scheme.layout().total)
    return "encodes into " + std::to_string(fragments.size()) + " fragments";
  for (std::uint32_t index = 0; index < fragments.size(); ++index) {
    auto part = fragments[index];
    if (part.size() != scheme.fragment_size(chunk.size(), index))
      return "makes fragment " + std::to_string(index) + " of another size than it says";
    if (!part.empty() && !is_inside(part, chunk) && !is_inside(part, scratch))
      return "makes a fragment outside the chunk and the scratch space";
    if (scheme.layout().identical && part != chunk)
      return "says that its fragments are the chunk, and they aren't";
  }
  std::string used(2 * chunk.size() + 100, '\x5a');
  if (scheme.encode(chunk, used) != fragments)
    return "encodes the same chunk into other fragments when the scratch space was used before";
  return std::nullopt;
}

finding decodes_what_it_can(const spi::recovery& scheme, std::string_view chunk,
                            std::uint32_t survives, spi::random_source& random,
                            std::uint64_t sets_max) {
  auto total = scheme.layout().total;
  auto all = total < 64 && std::uint64_t{1} << total <= sets_max;
  auto sets = all ? std::uint64_t{1} << total : sets_max;
  auto fragments = encoded_fragments(scheme, chunk);
  for (std::uint64_t number = 0; number < sets; ++number) {
    auto present = choose_set(total, number, all, random);
    auto count = static_cast<std::uint32_t>(std::count(present.begin(), present.end(), true));
    auto enough = scheme.enough(present);
    if (total - count <= survives && !enough)
      return "claims to survive " + std::to_string(survives) + " losses and doesn't";
    std::optional<std::string> decoded;
    if (auto wrong = available_fragments{fragments, present}.decode(scheme, chunk.size(), decoded))
      return wrong;
    if (decoded.has_value() != enough)
      return std::string{decoded ? "decodes from" : "doesn't decode from"} + names(present) +
             ", though it says otherwise of them";
    if (decoded && *decoded != chunk)
      return "decodes another chunk from fragments" + names(present);
  }
  return std::nullopt;
}

finding refuses_wrong_lengths(const spi::recovery& scheme, std::string_view chunk,
                              spi::random_source& random) {
  auto total = scheme.layout().total;
  auto fragments = encoded_fragments(scheme, chunk);
  auto right = choose_set(total, 0, false, random);
  available_fragments available{fragments, right};
  std::string changes;
  for (std::uint32_t i = 0; i < total; ++i) {
    if (!right[i] || !random.chance(0.5))
      continue;
    auto size = fragments[i].size();
    const std::size_t lengths[] = {0,        size / 2,    size == 0 ? 1 : size - 1,
                                   size + 1, size + 4096, fragments[random.below(total)].size()};
    auto length = lengths[random.below(std::size(lengths))];
    available[i]->resize(length, '\0');
    right[i] = length == size;
    if (!right[i])
      changes += fmt::format(" {} bytes as fragment {} of {};", length, i, size);
  }
  std::optional<std::string> decoded;
  if (auto wrong = available.decode(scheme, chunk.size(), decoded))
    return *wrong + ", from" + changes;
  if (decoded && !scheme.enough(right))
    return "decodes from fragments of wrong lengths:" + changes;
  if (decoded && *decoded != chunk)
    return "decodes another chunk from fragments of wrong lengths:" + changes;

  // All fragments unchanged, but decoded as fragments of a chunk of another size. Some may be as
  // long as those of that size, as parity of a part of it is: nothing tells them apart but the
  // checksum of the chunk, which the host compares.
  const std::size_t sizes[] = {2 * chunk.size() + 100'000, std::size_t{1} << 40,
                               std::numeric_limits<std::size_t>::max() / 2};
  available_fragments whole{fragments, std::vector<bool>(total, true)};
  for (auto size : sizes) {
    if (auto wrong = whole.decode(scheme, size, decoded = std::nullopt))
      return *wrong + ", from fragments of one of " + std::to_string(chunk.size());
    std::vector<bool> fitting(total);
    for (std::uint32_t i = 0; i < total; ++i)
      fitting[i] = fragments[i].size() == scheme.fragment_size(size, i);
    if (decoded && !scheme.enough(fitting))
      return "decodes a chunk of " + std::to_string(size) + " bytes from fragments of one of " +
             std::to_string(chunk.size());
  }
  return std::nullopt;
}

namespace {

/// The fragments of a set as sources, with costs that are drawn.
std::vector<spi::source> sources_of(const std::vector<bool>& present, spi::random_source& random) {
  std::vector<spi::source> sources;
  for (std::uint32_t index = 0; index < present.size(); ++index)
    if (present[index])
      sources.push_back({index, 1 + random.below(4)});
  return sources;
}

/// What the reads give. None, and `wrong` says why, if one of them is impossible.
std::vector<spi::piece> read_pieces(const std::vector<std::string_view>& fragments,
                                    const std::vector<bool>& present,
                                    const std::vector<spi::fragment_range>& reads, finding& wrong) {
  std::vector<spi::piece> pieces;
  for (auto& read : reads) {
    if (read.fragment >= present.size() || !present[read.fragment])
      wrong = fmt::format("wants to read fragment {}, which is no source", read.fragment);
    else if (read.offset > fragments[read.fragment].size() ||
             read.length > fragments[read.fragment].size() - read.offset)
      wrong =
          fmt::format("wants to read bytes {} to {} of fragment {}, which has {}", read.offset,
                      read.offset + read.length, read.fragment, fragments[read.fragment].size());
    if (wrong)
      return {};
    pieces.push_back({read, fragments[read.fragment].substr(read.offset, read.length)});
  }
  return pieces;
}

std::pair<std::size_t, std::size_t> draw_range(std::size_t size, spi::random_source& random) {
  auto offset = random.below(size + 1);
  auto rest = size - offset;
  return {offset, random.chance(0.3) ? rest : random.below(rest + 1)};
}

} // namespace

finding reads_parts(const spi::recovery& scheme, std::string_view chunk,
                    spi::random_source& random) {
  auto total = scheme.layout().total;
  auto stored = encoded_fragments(scheme, chunk);
  std::vector<std::string_view> fragments(stored.begin(), stored.end());
  for (int i = 0; i < 10; ++i) {
    auto present = choose_set(total, 0, false, random);
    auto [offset, length] = draw_range(chunk.size(), random);
    finding wrong;
    auto reads = scheme.reads_for(chunk.size(), offset, length, sources_of(present, random));
    auto what =
        fmt::format("bytes {} to {} from fragments{}", offset, offset + length, names(present));
    if (!reads && scheme.enough(present))
      return "names no reads for " + what + ", which are enough";
    if (reads) {
      auto pieces = read_pieces(fragments, present, *reads, wrong);
      if (wrong)
        return *wrong + ", for " + what;
      std::string made(length, '\x5a');
      if (!scheme.assemble(chunk.size(), offset, pieces, made))
        return "doesn't make " + what + " out of the reads that it names";
      if (made != chunk.substr(offset, length))
        return "makes wrong " + what;
    }
    auto lost = static_cast<std::uint32_t>(random.below(total));
    present[lost] = false;
    auto [begin, part] = draw_range(fragments[lost].size(), random);
    spi::fragment_range wanted{lost, begin, part};
    reads = scheme.reads_to_rebuild(chunk.size(), wanted, sources_of(present, random));
    what = fmt::format("bytes {} to {} of fragment {} from fragments{}", begin, begin + part, lost,
                       names(present));
    if (!reads && scheme.enough(present))
      return "names no reads for " + what + ", which are enough";
    if (!reads)
      continue;
    auto pieces = read_pieces(fragments, present, *reads, wrong);
    if (wrong)
      return *wrong + ", for " + what;
    std::string made(part, '\x5a');
    if (!scheme.rebuild(chunk.size(), wanted, pieces, made))
      return "doesn't make " + what + " out of the reads that it names";
    if (made != fragments[lost].substr(begin, part))
      return "makes wrong " + what;
  }
  return std::nullopt;
}

} // namespace atl::properties
