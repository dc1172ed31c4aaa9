#pragma once

#include "recovery_properties.hpp"

#include <string_view>

/// Checks of `reads_for`, `assemble`, `reads_to_rebuild` and `rebuild` with all fragments of a
/// chunk there, or all but one.
namespace atl::verify::parts {

using properties::finding;

/// Each fragment, lost alone, is made again as `encode` makes it: as a whole, and in windows one
/// after the other. For a whole one it reads no more bytes than whole fragments that are enough
/// have.
finding rebuild_every_fragment(const spi::recovery& scheme, std::string_view chunk,
                               spi::random_source& random);

/// Ranges that begin or end where cells, fragments and the chunk begin and end, and empty ones, are
/// made with any one fragment lost.
finding read_ranges_at_edges(const spi::recovery& scheme, std::string_view chunk,
                             spi::random_source& random);

/// With a piece left out, cut, or of another length than it says, wrong bytes are never given: it
/// is said that the pieces don't suffice, or the bytes are right. Further pieces do no harm.
finding refuse_wrong_pieces(const spi::recovery& scheme, std::string_view chunk,
                            spi::random_source& random);

} // namespace atl::verify::parts
