#pragma once

#include "cell_part.hpp"
#include "layer_layout.hpp"
#include "layered_code.hpp"

#include <atoll/spi/recovery.hpp>

#include <functional>
#include <span>
#include <string_view>

namespace atl::clay {

/// Gives the bytes of parts of one stripe to `take`, each part in pieces in any order: as they were
/// read, or made out of others. The bytes of what was read that `add_reads` names for the parts
/// suffice.
/// @param wanted none of them empty
/// @param take gets where in the cell the bytes begin
/// @returns false if the pieces don't suffice
bool make_parts(const layered_code& code, const layer_layout& layout,
                const layer_layout::stripe& stripe, std::span<const cell_part> wanted,
                std::span<const spi::piece> pieces,
                const std::function<void(const cell_part& part, std::size_t begin,
                                         std::string_view bytes)>& take);

} // namespace atl::clay
