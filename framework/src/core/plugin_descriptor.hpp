#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/plugin_file.hpp>
#include <atoll/spi/plugin.hpp>

namespace atl {

/// Whether a descriptor says what the name of its symbol promised, and makes sense by itself. The
/// error's message is the rest of a sentence that begins with the file.
status check_descriptor(const spi::descriptor& descriptor, const plugin_identity& promised);

} // namespace atl
