#pragma once

#include "balancer_properties.hpp"

#include <cstdint>

namespace atl::verify::shares {

/// Checks the claim `smooth` with one seed: at any time since the last change of members, weights
/// or availability, each member has its share of the picks, give or take a few. Another order of
/// the list is no change.
properties::finding stay_smooth(const properties::balancer_maker& make,
                                const properties::balancer_traits& traits, std::uint64_t seed);

} // namespace atl::verify::shares
