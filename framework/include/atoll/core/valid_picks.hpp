#pragma once

#include <cstddef>
#include <vector>

namespace atl {

/// The picks of a balancer that name a candidate, each once, in their order. A plugin is not
/// trusted to return nothing else. O(picks + candidates).
/// @param candidates how many candidates the balancer chose from
std::vector<std::size_t> valid_picks(const std::vector<std::size_t>& picks, std::size_t candidates);

} // namespace atl
