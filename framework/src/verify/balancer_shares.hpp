#pragma once

#include <atoll/verify/balancer_properties.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// Checks of the claim `shares`, each with one seed. Every share may be off by as much as chance
/// would be off that draws each pick on its own, with six standard deviations.
namespace atl::verify::shares {

using properties::balancer_maker;
using properties::balancer_traits;
using properties::candidates;
using properties::finding;

/// So many picks for each candidate may follow a change of the list before shares follow it.
constexpr std::size_t settling_picks = 100;
/// So many picks for each candidate with good outcomes may follow failures before shares are back.
constexpr std::size_t forgiving_picks = 1'000;

/// Over many picks, singly, two at a time and both in turn, with lists of every kind.
finding over_many_picks(const balancer_maker& make, const balancer_traits& traits,
                        std::uint64_t seed);

/// With each of four candidates dead in turn, each with a balancer of its own.
finding with_one_dead(const balancer_maker& make, const balancer_traits& traits,
                      std::uint64_t seed);

/// After the weights of known candidates change, again and again.
finding after_other_weights(const balancer_maker& make, const balancer_traits& traits,
                            std::uint64_t seed);

/// After candidates die and come back, having missed some thousand picks.
finding after_deaths(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed);

/// After candidates join, leave and join again.
finding after_joins(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed);

/// When the list's order is another one at each call.
finding in_any_order(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed);

/// When each call lists another half of the nodes.
finding of_changing_halves(const balancer_maker& make, const balancer_traits& traits,
                           std::uint64_t seed);

/// After requests to one candidate failed for a while, and then all succeed.
finding after_failures(const balancer_maker& make, const balancer_traits& traits,
                       std::uint64_t seed);

/// Of lists of this size. No candidate that is due some picks goes without any.
finding of_many(const balancer_maker& make, const balancer_traits& traits, std::size_t size,
                std::uint64_t seed);

} // namespace atl::verify::shares
