#pragma once

#include "balancer_properties.hpp"

#include <cstdint>

/// Checks of the claims about requests in flight, each with one seed.
namespace atl::verify::loads {

using properties::balancer_maker;
using properties::finding;

/// The claim `load_bound`: while requests come and end, no pick goes to a member that would then
/// have more than `bound` times the mean of the available ones, rounded up.
finding stay_bounded(const balancer_maker& make, std::uint64_t seed, double bound);

/// The claim `max_load`: of n requests that stay at n members none has more than
/// ln ln n ÷ ln `choices` + 3.
finding stay_even(const balancer_maker& make, std::uint64_t seed, std::int64_t choices);

} // namespace atl::verify::loads
