#include "group_losses.hpp"

#include <algorithm>

namespace atl::local_reconstruction {

bool group_losses::is_enough(const std::vector<bool>& present) const {
  std::vector<std::uint32_t> lost;
  for (std::uint32_t index = 0; index < shape_.total(); ++index)
    if (index >= present.size() || !present[index])
      lost.push_back(index);
  return checks_.determine(lost);
}

/// A chunk of which every fragment is there once, as nearly all are, survives what the scheme
/// promises: the loss of all parities of all data, and of a data fragment with its group's parity,
/// is one more.
std::optional<std::uint32_t> group_losses::spare(std::span<const std::uint32_t> copies) const {
  if (std::ranges::all_of(copies, [](auto count) { return count == 1; }))
    return shape_.globals + 1;
  return checks_.spare(copies);
}

std::vector<std::uint32_t> group_losses::sources(std::uint32_t wanted,
                                                 const std::vector<bool>& present) const {
  auto others = coded::others_in_turn(wanted, present);
  if (auto group = shape_.group_of(wanted))
    std::ranges::stable_partition(others,
                                  [&](auto index) { return shape_.group_of(index) == group; });
  return others;
}

} // namespace atl::local_reconstruction
