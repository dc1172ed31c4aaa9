#pragma once

#include "balancer_properties.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

/// Checks of a balancer's state: picks depend only on its options, seed and earlier calls, and its
/// memory is bounded.
namespace atl::verify::balancer_state {

using properties::balancer_maker;
using properties::finding;

/// The picks of balancers with `seeds` seeds from `first` on, as text with one line per seed. The
/// seed determines the lists, keys and outcomes.
std::string picks_as_text(const balancer_maker& make, std::uint64_t first, std::uint64_t seeds);

/// The same picks, from balancers that exist at the same time and are called in turn.
std::string picks_in_turn(const balancer_maker& make, std::uint64_t first, std::uint64_t seeds);

/// Checks that a balancer either ignores keys, or maps each key to the same node as long as
/// candidates and outcomes do not change.
finding keeps_keys(const balancer_maker& make, std::uint64_t seed);

/// Checks that memory stays bounded over `calls` picks with as many keys, over outcomes of as many
/// nodes, and over as many nodes that come and go.
finding keeps_within_memory(const balancer_maker& make, std::uint64_t calls);

/// Checks that the time of a pick grows at most as n log n with the number of candidates.
finding picks_in_time(const balancer_maker& make);

} // namespace atl::verify::balancer_state
