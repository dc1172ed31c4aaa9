#include "scheme_answers.hpp"

#include <atoll/compare/recovery_costs.hpp>

#include <algorithm>
#include <limits>

namespace atl::compare {

namespace {

constexpr std::uint64_t small_read_bytes = 4096;
/// Ranges of a chunk that are tried for small reads.
constexpr std::uint64_t tried_ranges = 64;
constexpr std::uint64_t tried_sets_max = 200'000;

double bytes_of(const std::vector<spi::fragment_range>& reads) {
  double sum = 0;
  for (auto& each : reads)
    sum += static_cast<double>(each.length);
  return sum;
}

/// The costs of reading one range.
read_costs costs_of_range(const spi::recovery& scheme, std::uint64_t size, std::uint64_t offset,
                          std::uint64_t length) {
  std::vector<spi::source> sources;
  for (std::uint32_t index = 0; index < scheme.layout().total; ++index)
    sources.push_back({index, 1});
  read_costs out;
  auto losses = scheme.promised().survives_losses;
  for (std::uint32_t away = 0; away <= losses; ++away) {
    auto reads = scheme.reads_for(size, offset, length, sources);
    auto cost = reads ? bytes_of(*reads) / static_cast<double>(length)
                      : std::numeric_limits<double>::infinity();
    if (away == 0)
      out.whole = out.one_away = cost;
    if (away == 1)
      out.one_away = cost;
    out.most_away = cost;
    if (!reads || reads->empty())
      break;
    std::erase_if(sources, [&](auto& each) { return each.fragment == reads->front().fragment; });
  }
  return out;
}

read_costs small_read_costs(const spi::recovery& scheme, std::uint64_t size) {
  auto length = std::min(small_read_bytes, size);
  auto ranges = std::min(tried_ranges, size / length);
  read_costs mean;
  for (std::uint64_t i = 0; i < ranges; ++i) {
    auto each = costs_of_range(scheme, size, size / length * i / ranges * length, length);
    auto share = 1 / static_cast<double>(ranges);
    mean.whole += each.whole * share;
    mean.one_away += each.one_away * share;
    mean.most_away += each.most_away * share;
  }
  return mean;
}

/// The next larger number with as many bits set (Gosper). @pre `set` isn't 0
fragment_set next_of_size(fragment_set set) {
  auto lowest = set & (~set + 1);
  auto carried = set + lowest;
  return carried | (((carried ^ set) / lowest) >> 2);
}

} // namespace

recovery_costs measure_costs(const spi::recovery& scheme, std::uint64_t chunk_bytes) {
  recovery_costs out;
  out.stored = scheme.promised().storage_cost / 100.0;
  scheme_answers answers{scheme, chunk_bytes};
  double fragments = 0, reads = 0;
  for (std::uint32_t index = 0; index < answers.fragments(); ++index) {
    fragments += static_cast<double>(scheme.fragment_size(chunk_bytes, index));
    reads += answers.rebuild_bytes(fragment_set{1} << index, index);
  }
  out.rebuild_reads = reads / fragments;
  out.rebuild_bytes = reads / answers.fragments();
  out.small_read = small_read_costs(scheme, chunk_bytes);
  out.chunk_read = costs_of_range(scheme, chunk_bytes, 0, chunk_bytes);
  return out;
}

double survived_share(const spi::recovery& scheme, std::uint32_t losses) {
  auto total = scheme.layout().total;
  if (losses == 0 || losses > total)
    return losses == 0 ? 1 : 0;
  double sets = 1;
  for (std::uint32_t i = 1; i <= losses; ++i)
    sets = sets * (total - losses + i) / i;
  if (sets > tried_sets_max || total >= answered_fragments_max)
    return -1;
  std::uint64_t survived = 0, tried = 0;
  auto end = fragment_set{1} << total;
  for (auto lost = (fragment_set{1} << losses) - 1; lost < end; lost = next_of_size(lost)) {
    std::vector<bool> present(total);
    for (std::uint32_t index = 0; index < total; ++index)
      present[index] = (lost >> index & 1) == 0;
    survived += scheme.enough(present) ? 1 : 0;
    ++tried;
  }
  return static_cast<double>(survived) / static_cast<double>(tried);
}

} // namespace atl::compare
