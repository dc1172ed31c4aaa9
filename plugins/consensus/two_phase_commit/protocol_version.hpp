#pragma once

#include <cstdint>

namespace atl::two_phase {

/// Of messages, records and blobs, each of which begins with this number. Raised when one of them
/// changes.
inline constexpr std::uint8_t protocol_version = 2;

} // namespace atl::two_phase
