#pragma once

#include <atoll/spi/version_range.hpp>

namespace atl::runtime {

/// The versions of the protocol between nodes (envelopes and what is in them) that this program
/// speaks. Two nodes speak the highest version that both speak; nodes without a common version
/// refuse each other. docs/FORMATS.md says how a new version is introduced.
inline constexpr spi::version_range wire_versions{10, 10};

} // namespace atl::runtime
