#include "fragment_places.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace atl::coded {

using spi::fragment_state;

std::vector<fragment_places> places_of(const spi::chunk_report& report, std::uint32_t total) {
  std::map<std::pair<std::uint32_t, std::uint64_t>, fragment_state> worst;
  for (auto& each : report.fragments)
    if (each.index < total)
      if (auto [known, is_new] = worst.try_emplace({each.index, each.node}, each.state); !is_new)
        known->second = std::max(known->second, each.state);
  std::vector<fragment_places> places(total);
  for (auto& [place, state] : worst)
    if (state == fragment_state::ok)
      places[place.first].good.push_back(place.second);
    else if (state == fragment_state::corrupt)
      places[place.first].damaged.push_back(place.second);
  return places;
}

bool are_in_order(std::span<const fragment_places> places) {
  return std::ranges::all_of(
      places, [](auto& each) { return each.good.size() == 1 && each.damaged.empty(); });
}

void drop_leftovers(std::uint64_t chunk, std::span<const fragment_places> places,
                    std::vector<spi::repair_step>& steps) {
  auto drop = [&](std::uint32_t index, std::uint64_t node) {
    steps.push_back({spi::repair_action::drop, chunk, index, {node}, {}});
  };
  for (std::uint32_t index = 0; index < places.size(); ++index) {
    for (auto node : places[index].damaged)
      drop(index, node);
    for (std::size_t surplus = 1; surplus < places[index].good.size(); ++surplus)
      drop(index, places[index].good[surplus]);
  }
}

} // namespace atl::coded
