#pragma once

#include "balancer_driver.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace atl::properties {

/// Expected picks of each member in one `pick_many(count)`, from 0 to 1, computed by a slow
/// reference algorithm: shares rise together, in proportion to weights, until their sum is `count`.
/// A member stops at 1; a failure domain stops at its even part of `count` plus one, and is
/// raised to its even part when it is below. Weights must be finite and not negative.
std::vector<double> fair_shares(std::span<const listed_member> members, std::size_t count);

/// Expected picks of each member in one `pick_many(count)`, from 0 to 1, when picks are drawn
/// one after the other in proportion to weights, as the default `pick_many` draws them: no
/// member twice, and no failure domain twice while another one is unused. Takes time in the
/// order of size to the power of `count`. Weights must be finite and not negative.
std::vector<double> drawn_shares(std::span<const listed_member> members, std::size_t count);

} // namespace atl::properties
