#pragma once

#include <chrono>

namespace atl::spi {

/// Microseconds of a monotonic clock with an arbitrary start: only differences between two
/// timestamps of the same run have a meaning.
using timestamp = std::chrono::microseconds;

} // namespace atl::spi
