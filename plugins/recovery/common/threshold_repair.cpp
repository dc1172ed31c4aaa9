#include "threshold_repair.hpp"

#include "fragment_places.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace atl::coded {

namespace {

/// A step with its sort key; the smallest comes first.
struct ranked_step {
  std::uint32_t danger = 0;     ///< losses that the chunk survives once the earlier steps are done
  std::uint32_t chunk_left = 0; ///< losses that the chunk survives now
  spi::repair_step step;
};

/// How many losses the chunk survives, whichever they are; none if it is lost. The worst losses are
/// those of the fragments that are in the fewest places.
std::optional<std::uint32_t> spare_of(const threshold& code,
                                      std::span<const fragment_places> places) {
  std::vector<std::size_t> copies;
  for (auto& each : places)
    if (!each.good.empty())
      copies.push_back(each.good.size());
  if (copies.size() < code.needed)
    return std::nullopt;
  std::ranges::sort(copies);
  std::size_t fatal = 0;
  for (std::size_t i = 0; i <= copies.size() - code.needed; ++i)
    fatal += copies[i];
  return static_cast<std::uint32_t>(fatal - 1);
}

/// Reads from the fragments after the one that is made, round the chunk.
spi::repair_step rebuild_step(const threshold& code, std::uint64_t chunk, std::uint32_t fragment,
                              std::span<const fragment_places> places) {
  spi::repair_step step{spi::repair_action::rebuild, chunk, fragment, {}, {}};
  for (std::uint32_t i = 1; i < code.total && step.sources.size() < code.needed; ++i) {
    auto index = (fragment + i) % code.total;
    auto& good = places[index].good;
    if (good.empty())
      continue;
    step.sources.push_back(good[chunk % good.size()]);
    step.source_fragments.push_back(index);
  }
  return step;
}

} // namespace

bool is_enough(const threshold& code, const std::vector<bool>& present) {
  auto known = std::min<std::size_t>(present.size(), code.total);
  auto end = present.begin() + static_cast<std::ptrdiff_t>(known);
  return std::count(present.begin(), end, true) >= static_cast<std::ptrdiff_t>(code.needed);
}

spi::verdict judge(const threshold& code, const spi::chunk_report& report) {
  using spi::chunk_health;
  auto places = places_of(report, code.total);
  auto spare = spare_of(code, places);
  if (!spare)
    return {chunk_health::lost, 0};
  if (are_in_order(places))
    return {chunk_health::healthy, *spare};
  return {*spare == 0 ? chunk_health::critical : chunk_health::degraded, *spare};
}

std::vector<spi::repair_step> plan(const threshold& code,
                                   std::span<const spi::chunk_report> reports) {
  std::vector<ranked_step> rebuilds;
  std::vector<spi::repair_step> drops;
  for (auto& report : reports) {
    auto places = places_of(report, code.total);
    auto spare = spare_of(code, places);
    if (!spare)
      continue; // what is damaged or out of reach may be all that is left
    auto danger = *spare;
    for (std::uint32_t index = 0; index < code.total; ++index)
      if (places[index].good.empty())
        rebuilds.push_back({danger++, *spare, rebuild_step(code, report.chunk, index, places)});
    if (danger == *spare)
      drop_leftovers(report.chunk, places, drops);
  }
  std::ranges::stable_sort(rebuilds, [](const ranked_step& a, const ranked_step& b) {
    return std::tie(a.danger, a.chunk_left) < std::tie(b.danger, b.chunk_left);
  });
  std::vector<spi::repair_step> steps;
  steps.reserve(rebuilds.size() + drops.size());
  for (auto& each : rebuilds)
    steps.push_back(std::move(each.step));
  std::ranges::move(drops, std::back_inserter(steps));
  return steps;
}

} // namespace atl::coded
