#pragma once

#include "balancer_properties.hpp"

#include <cstdint>

/// Checks of the memory and the time that a balancer takes.
namespace atl::verify::costs {

using properties::balancer_maker;
using properties::finding;

/// Memory stays bounded over `calls` picks with as many keys, over as many outcomes and results of
/// probes, and while tens of thousands of members come and go.
finding keeps_within_memory(const balancer_maker& make, std::uint64_t calls);

/// `pick` and `pick_many` allocate nothing after the first calls with a list.
finding picks_without_allocating(const balancer_maker& make, std::uint64_t seed);

/// The time of a pick grows at most as n log n with the number of members.
finding picks_in_time(const balancer_maker& make);

/// The time of an update grows at most as n log n with the number of members.
finding updates_in_time(const balancer_maker& make);

} // namespace atl::verify::costs
