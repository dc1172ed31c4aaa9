#pragma once

#include <atoll/verify/balancer_properties.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

/// What a balancer may know and remember: nothing but its options, its seed and the calls before,
/// and of those not more than fits a bound.
namespace atl::verify::balancer_state {

using properties::balancer_maker;
using properties::finding;

/// The picks of balancers with the seeds from `first` on, as text: one line a seed. Each is called
/// with lists, keys and outcomes that its seed decides.
std::string picks_as_text(const balancer_maker& make, std::uint64_t first, std::uint64_t seeds);

/// The same picks, of balancers that are all alive at once and are called in turn.
std::string picks_in_turn(const balancer_maker& make, std::uint64_t first, std::uint64_t seeds);

/// A strategy ignores keys; or it keeps each with a node, as long as the candidates stay as they
/// are and no outcomes come, whatever else it is asked.
finding keeps_keys(const balancer_maker& make, std::uint64_t seed);

/// Memory stays bounded over `calls` picks with as many keys, and over outcomes of as many nodes,
/// and over as many nodes that come and go.
finding keeps_within_memory(const balancer_maker& make, std::uint64_t calls);

/// One pick takes no longer than in proportion to the number of candidates, times its logarithm.
finding picks_in_time(const balancer_maker& make);

} // namespace atl::verify::balancer_state
