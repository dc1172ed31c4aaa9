#pragma once

#include "balancer_properties.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

/// Checks of what a balancer makes of keys, each with one seed.
namespace atl::verify::keys {

using properties::balancer_maker;
using properties::finding;

/// Without a claim: keys are ignored, or as long as nothing at all changes, each key gets the same
/// member.
finding ignored_or_kept(const balancer_maker& make, std::uint64_t seed);

/// The claim `keys`: as long as members and availability stay, a key gets the same members,
/// whatever the facts, the outcomes and the order of the list.
/// @param load_bound of a balancer that also bounds loads: the requests in flight then leave room
///        for one more at each member; none: any requests in flight
finding stay(const balancer_maker& make, std::uint64_t seed, std::optional<double> load_bound);

/// The claim `keys` = `minimal`, or `few` if that is `claimed`: how many keys move when a member
/// leaves, dies, or joins, and where they move.
finding move_little(const balancer_maker& make, std::uint64_t seed, std::string_view claimed);

} // namespace atl::verify::keys
