#include "threshold_repair.hpp"

#include <algorithm>

namespace atl::coded {

/// The worst losses are those of the fragments that are in the fewest places.
std::optional<std::uint32_t> threshold::spare(std::span<const std::uint32_t> copies) const {
  std::vector<std::uint32_t> there;
  std::ranges::copy_if(copies, std::back_inserter(there), [](auto count) { return count > 0; });
  if (there.size() < needed_)
    return std::nullopt;
  std::ranges::sort(there);
  std::uint32_t fatal = 0;
  for (std::size_t i = 0; i <= there.size() - needed_; ++i)
    fatal += there[i];
  return fatal - 1;
}

std::vector<std::uint32_t> threshold::sources(std::uint32_t wanted,
                                              const std::vector<bool>& present) const {
  auto others = others_in_turn(wanted, present);
  others.resize(std::min<std::size_t>(others.size(), needed_));
  return others;
}

bool is_enough(const threshold& code, const std::vector<bool>& present) {
  auto known = std::min<std::size_t>(present.size(), code.total());
  auto end = present.begin() + static_cast<std::ptrdiff_t>(known);
  return std::count(present.begin(), end, true) >= static_cast<std::ptrdiff_t>(code.needed());
}

} // namespace atl::coded
