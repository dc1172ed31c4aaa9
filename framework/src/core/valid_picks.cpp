#include <atoll/core/valid_picks.hpp>

namespace atl {

std::vector<std::size_t> valid_picks(const std::vector<std::size_t>& picks,
                                     std::size_t candidates) {
  std::vector<std::size_t> valid;
  std::vector<bool> seen(candidates);
  for (auto pick : picks)
    if (pick < candidates && !seen[pick]) {
      seen[pick] = true;
      valid.push_back(pick);
    }
  return valid;
}

} // namespace atl
