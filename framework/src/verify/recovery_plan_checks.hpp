#pragma once

#include "recovery_properties.hpp"

#include <cstdint>

/// Checks of plans for very many chunks.
namespace atl::verify::plans {

using properties::finding;

/// A plan takes no longer than in proportion to the number of chunks, times its logarithm.
finding take_time_in_proportion(const spi::recovery& scheme);

/// A plan for 100,000 chunks, a fifth of them damaged, mends them all and touches no other.
finding repair_many_chunks(const spi::recovery& scheme, std::uint64_t seed);

} // namespace atl::verify::plans
