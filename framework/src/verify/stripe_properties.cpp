#include "recovery_properties.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

/// Properties of `stripes`, `encode_stripe` and `per_domain_max`.
namespace atl::properties {

namespace {

/// Fragments that are made of one stripe after the other, as a host makes them.
std::vector<std::string> encode_by_stripes(const spi::recovery& scheme, std::string_view chunk) {
  auto how = scheme.stripes();
  std::vector<std::string> fragments(scheme.layout().total);
  while (!chunk.empty()) {
    std::vector<std::string_view> data;
    for (std::uint32_t index = 0; index < how.data; ++index) {
      data.push_back(chunk.substr(0, how.cell_bytes));
      fragments[index] += data.back();
      chunk.remove_prefix(data.back().size());
    }
    std::vector<std::string> cells(fragments.size() - how.data,
                                   std::string(data.front().size(), '\x5a'));
    std::vector<std::span<char>> parity(cells.begin(), cells.end());
    scheme.encode_stripe(data, parity);
    for (std::size_t i = 0; i < cells.size(); ++i)
      fragments[how.data + i] += cells[i];
  }
  return fragments;
}

} // namespace

finding has_sensible_domains(const spi::recovery& scheme) {
  constexpr std::uint32_t fragments_tried_max = 16; // by `promises_by_trying`
  auto most = scheme.per_domain_max();
  if (most == 0)
    return "says that a failure domain may hold no fragment at all";
  auto survives = scheme.promised().survives_losses;
  if (scheme.layout().total <= fragments_tried_max && most > std::max(survives, 1u))
    return fmt::format("says that one failure domain may hold {} fragments, and survives {} losses",
                       most, survives);
  return std::nullopt;
}

finding encodes_by_stripes(const spi::recovery& scheme, spi::random_source& random) {
  constexpr std::size_t stripe_bytes_max = std::size_t{8} << 20;
  auto how = scheme.stripes();
  if (how.cell_bytes == 0)
    return std::nullopt;
  if (how.data == 0 || how.data > scheme.layout().total)
    return fmt::format("says that {} of its {} fragments hold the chunk's own bytes", how.data,
                       scheme.layout().total);
  const std::size_t cell = how.cell_bytes;
  auto stripe = cell * how.data;
  if (stripe > stripe_bytes_max)
    return fmt::format("has stripes of {} bytes, more than the {} that a host has memory for",
                       stripe, stripe_bytes_max);
  const std::size_t sizes[] = {0,          1,      cell - 1,   cell + 1,
                               stripe - 1, stripe, stripe + 1, stripe + random.below(stripe),
                               2 * stripe};
  for (auto size : sizes) {
    auto chunk = random_bytes(random, size);
    std::string scratch;
    auto whole = scheme.encode(chunk, scratch);
    auto made = encode_by_stripes(scheme, chunk);
    for (std::size_t index = 0; index < whole.size(); ++index)
      if (made[index] != whole[index])
        return fmt::format("makes another fragment {} of a chunk of {} bytes stripe by stripe "
                           "than at once",
                           index, size);
  }
  return std::nullopt;
}

} // namespace atl::properties
