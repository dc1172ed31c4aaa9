#pragma once

#include <atoll/verify/balancer_properties.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

/// Lists of candidates that checks of shares are made of.
namespace atl::verify {

/// Healthy candidates 1, 2, … with these weights, each in the failure domain that its letter names.
properties::candidates group(const std::vector<double>& weights, const std::string& domains = {});

/// The same candidates as a host meets them in the middle of its work: fuller, busier and slower
/// each than the one before. Shares by weight don't depend on that.
properties::candidates loaded(properties::candidates all);

/// The same with ids that are alike in their lower 32 bits.
properties::candidates with_wide_ids(properties::candidates all);

/// The same with these places dead.
properties::candidates with_dead(properties::candidates all,
                                 std::initializer_list<std::size_t> dead);

/// Those at these places.
properties::candidates only(const properties::candidates& all,
                            std::initializer_list<std::size_t> members);

} // namespace atl::verify
