#pragma once

#include "tested_balancer.hpp"

#include <cstdint>
#include <string>

/// Checks that a balancer's answers depend only on its options, seed and earlier calls.
namespace atl::verify::balancer_state {

using properties::balancer_maker;

/// How many seeds, of at most 20, the functions below can be called with within the budget of a
/// check; not below the budget's minimum.
std::uint64_t seeds_in_budget(const tested_balancer& it);

/// The answers of balancers with `seeds` seeds from `first` on, as text with one line per seed. The
/// seed determines the lists, facts, keys and outcomes.
std::string picks_as_text(const balancer_maker& make, std::uint64_t first, std::uint64_t seeds);

/// The same answers, from balancers that exist at the same time and are called in turn.
std::string picks_in_turn(const balancer_maker& make, std::uint64_t first, std::uint64_t seeds);

} // namespace atl::verify::balancer_state
