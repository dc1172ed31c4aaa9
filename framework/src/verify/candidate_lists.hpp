#pragma once

#include "balancer_properties.hpp"

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

/// Candidate lists for the checks of shares.
namespace atl::verify {

/// Healthy candidates 1, 2, … with these weights; each letter of `domains` names a failure domain.
properties::candidates group(const std::vector<double>& weights, const std::string& domains = {});

/// The same candidates under load: each fuller, busier and slower than the one before. Shares by
/// weight do not depend on load.
properties::candidates loaded(properties::candidates all);

/// The same with ids whose lower 32 bits are equal.
properties::candidates with_wide_ids(properties::candidates all);

/// The same with the candidates at these positions dead.
properties::candidates with_dead(properties::candidates all,
                                 std::initializer_list<std::size_t> dead);

/// The candidates at these positions.
properties::candidates only(const properties::candidates& all,
                            std::initializer_list<std::size_t> members);

} // namespace atl::verify
