#pragma once

#include "../common/read_list.hpp"
#include "cell_part.hpp"
#include "layer_layout.hpp"
#include "layered_code.hpp"

#include <atoll/spi/recovery.hpp>

#include <span>

namespace atl::clay {

/// Adds to `reads` what it takes to make parts of one stripe: the parts themselves if their
/// fragments are sources. Of a single other one, the layers that `layered_code::needed` names, if
/// all other fragments are sources and that costs less; otherwise all layers of the cheapest
/// fragments that are enough.
/// @param sources of different fragments. @param wanted none of them empty
/// @returns false if the parts can't be made
bool add_reads(const layered_code& code, const layer_layout& layout,
               const layer_layout::stripe& stripe, std::span<const cell_part> wanted,
               std::span<const spi::source> sources, coded::read_list& reads);

} // namespace atl::clay
