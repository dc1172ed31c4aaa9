#pragma once

#include <atoll/spi/balancer.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace atl::properties {

/// What each candidate is due in one `pick_many(count)`, as a number of picks from 0 to 1, worked
/// out slowly and plainly: shares rise together, in proportion to weights, until `count` is
/// reached. A candidate stops at 1; a domain stops when it has given its even part of `count` and
/// one more, and is raised to its even part when it is below. Weights must be finite and not
/// negative.
std::vector<double> fair_shares(std::span<const spi::candidate> candidates, std::size_t count);

/// What each candidate gets of one `pick_many(count)`, as a number of picks from 0 to 1, when the
/// picks are drawn one after the other in proportion to weights, as the interface's own `pick_many`
/// draws them: no candidate twice, and no domain twice as long as another one is unused. Takes time
/// that grows with the size to the power of `count`. Weights must be finite and not negative.
std::vector<double> drawn_shares(std::span<const spi::candidate> candidates, std::size_t count);

} // namespace atl::properties
