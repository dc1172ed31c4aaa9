#pragma once

#include "balancer_properties.hpp"

#include <cstdint>

namespace atl::verify {

/// What is wrong with a member.
enum class ailment { slow, failing };

/// Checks a part of the claim `avoids` with one seed: in a pool of five, one of which answers ten
/// times slower than the others or fails each request at once, that member soon gets less than half
/// of an equal share, also while the list is told in another order again and again.
properties::finding avoids(const properties::balancer_maker& make, std::uint64_t seed,
                           ailment what);

} // namespace atl::verify
