#pragma once

#include "balancer_properties.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Checks of the claim `shares`, each with one seed. Each share may deviate by up to six standard
/// deviations of independent random picks.
namespace atl::verify::shares {

using properties::balancer_maker;
using properties::balancer_traits;
using properties::candidates;
using properties::finding;

/// Number of picks per candidate after a change of the list before shares must be right.
constexpr std::size_t settling_picks = 100;
/// Number of picks per candidate with good outcomes after failures before shares must be right.
constexpr std::size_t forgiving_picks = 1'000;

/// Over many picks, one at a time, two at a time and alternating, with lists of every kind.
finding over_many_picks(const balancer_maker& make, const balancer_traits& traits,
                        std::uint64_t seed);

/// With each of four candidates dead in turn, each time with a new balancer.
finding with_one_dead(const balancer_maker& make, const balancer_traits& traits,
                      std::uint64_t seed);

/// After repeated changes of the candidates' weights.
finding after_other_weights(const balancer_maker& make, const balancer_traits& traits,
                            std::uint64_t seed);

/// After candidates die, miss some thousand picks, and return.
finding after_deaths(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed);

/// After candidates join, leave and join again.
finding after_joins(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed);

/// When each call lists the candidates in another order.
finding in_any_order(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed);

/// When each call lists a different half of the nodes.
finding of_changing_halves(const balancer_maker& make, const balancer_traits& traits,
                           std::uint64_t seed);

/// After requests to one candidate fail for a while and then succeed.
finding after_failures(const balancer_maker& make, const balancer_traits& traits,
                       std::uint64_t seed);

/// For lists of this size. Every candidate that is due some picks gets some.
finding of_many(const balancer_maker& make, const balancer_traits& traits, std::size_t size,
                std::uint64_t seed);

} // namespace atl::verify::shares
