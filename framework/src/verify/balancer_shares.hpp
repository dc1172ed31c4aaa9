#pragma once

#include "balancer_properties.hpp"

#include <cstddef>
#include <cstdint>

/// Checks of the claim `shares`, each with one seed. Each share may deviate by up to six standard
/// deviations of independent random picks.
namespace atl::verify::shares {

using properties::balancer_maker;
using properties::balancer_traits;
using properties::finding;

/// Number of picks per member after a change before shares must be right.
constexpr std::size_t settling_picks = 100;

/// Over many picks, one at a time, two at a time and alternating, with lists of every kind.
finding over_many_picks(const balancer_maker& make, const balancer_traits& traits,
                        std::uint64_t seed);

/// While members differ in one fact, in another, and in all of them: weights alone count.
finding whatever_the_facts(const balancer_maker& make, const balancer_traits& traits,
                           std::uint64_t seed);

/// With each of four members unavailable in turn, each time with a new balancer.
finding with_one_dead(const balancer_maker& make, const balancer_traits& traits,
                      std::uint64_t seed);

/// After repeated changes of the members' weights.
finding after_other_weights(const balancer_maker& make, const balancer_traits& traits,
                            std::uint64_t seed);

/// After members become unavailable, miss some thousand picks, and return.
finding after_deaths(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed);

/// After members join, leave and join again.
finding after_joins(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed);

/// When the list is told in another order every few picks.
finding in_any_order(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed);

/// While the requests to one member fail, and those to another take long.
finding whatever_the_outcomes(const balancer_maker& make, const balancer_traits& traits,
                              std::uint64_t seed);

/// For lists of this size. Every member that is due some picks gets some.
finding of_many(const balancer_maker& make, const balancer_traits& traits, std::size_t size,
                std::uint64_t seed);

} // namespace atl::verify::shares
