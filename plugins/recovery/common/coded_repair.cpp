#include "coded_repair.hpp"

#include "fragment_places.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace atl::coded {

namespace {

using copy_counts = std::vector<std::uint32_t>;

/// A step with its sort key; the smallest comes first.
struct ranked_step {
  std::uint32_t danger = 0;     ///< losses that the chunk survives once the earlier steps are done
  std::uint32_t chunk_left = 0; ///< losses that the chunk survives now
  spi::repair_step step;
};

copy_counts copies_in(std::span<const fragment_places> places) {
  copy_counts copies;
  for (auto& each : places)
    copies.push_back(static_cast<std::uint32_t>(each.good.size()));
  return copies;
}

spi::repair_step rebuild_step(const code_losses& code, std::uint64_t chunk, std::uint32_t fragment,
                              std::span<const fragment_places> places) {
  spi::repair_step step{spi::repair_action::rebuild, chunk, fragment, {}, {}};
  std::vector<bool> present;
  for (auto& each : places)
    present.push_back(!each.good.empty());
  step.source_fragments = code.sources(fragment, present);
  for (auto index : step.source_fragments) {
    auto& good = places[index].good;
    step.sources.push_back(good[chunk % good.size()]);
  }
  return step;
}

/// The losses that chunks survive. Many chunks of a report have lost the same fragments, as they
/// were on the same nodes: what was found for one holds for the others.
class remembered_losses {
 public:
  explicit remembered_losses(const code_losses& code) : code_{code} {}

  std::optional<std::uint32_t> spare(const copy_counts& copies) {
    auto [known, is_new] = known_.try_emplace(copies);
    if (is_new)
      known->second = code_.spare(copies);
    return known->second;
  }

 private:
  const code_losses& code_;
  std::map<copy_counts, std::optional<std::uint32_t>> known_;
};

} // namespace

std::vector<std::uint32_t> others_in_turn(std::uint32_t wanted, const std::vector<bool>& present) {
  std::vector<std::uint32_t> others;
  auto total = static_cast<std::uint32_t>(present.size());
  for (std::uint32_t i = 1; i < total; ++i)
    if (auto index = (wanted + i) % total; present[index])
      others.push_back(index);
  return others;
}

spi::verdict judge(const code_losses& code, const spi::chunk_report& report) {
  using spi::chunk_health;
  auto places = places_of(report, code.total());
  auto spare = code.spare(copies_in(places));
  if (!spare)
    return {chunk_health::lost, 0};
  if (are_in_order(places))
    return {chunk_health::healthy, *spare};
  return {*spare == 0 ? chunk_health::critical : chunk_health::degraded, *spare};
}

std::vector<spi::repair_step> plan(const code_losses& code,
                                   std::span<const spi::chunk_report> reports) {
  remembered_losses losses{code};
  std::vector<ranked_step> rebuilds;
  std::vector<spi::repair_step> drops;
  for (auto& report : reports) {
    auto places = places_of(report, code.total());
    auto copies = copies_in(places);
    auto left = losses.spare(copies);
    if (!left)
      continue; // what is damaged or out of reach may be all that is left
    auto danger = *left;
    auto is_complete = true;
    for (std::uint32_t index = 0; index < code.total(); ++index) {
      if (copies[index] > 0)
        continue;
      is_complete = false;
      rebuilds.push_back({danger, *left, rebuild_step(code, report.chunk, index, places)});
      copies[index] = 1;
      danger = losses.spare(copies).value_or(danger);
    }
    if (is_complete)
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
