#pragma once

#include "recovery_properties.hpp"

#include <cstdint>
#include <string_view>

/// Checks of what a scheme says of itself with its options (`promised`), and of the room that it
/// takes.
namespace atl::verify::promised {

using properties::finding;

/// Every loss of as many fragments as are promised is survived: the chunk is decoded. All sets are
/// tried up to `all_sets_max` fragments, and a sample for larger schemes.
finding losses_are_survived(const spi::recovery& scheme, std::string_view chunk,
                            spi::random_source& random);
constexpr std::uint32_t all_sets_max = 16;

/// A large chunk is stored in no more bytes than promised.
finding cost_is_kept(const spi::recovery& scheme);

/// The scratch space takes no more than all fragments when encoding, and no more than the chunk and
/// a fragment when decoding, up to 64 KiB.
finding scratch_is_bounded(const spi::recovery& scheme, std::string_view chunk);

} // namespace atl::verify::promised
