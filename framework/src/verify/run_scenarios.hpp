#pragma once

#include "recorder.hpp"

#include <atoll/spi/plugin.hpp>

namespace atl::verify {

/// Takes a consensus plugin through all scenarios: in groups as they ask for them, in larger ones,
/// with ids of all lengths, and with each option that is on or off the other way. Tells how to see
/// again what broke.
void try_scenarios(const spi::descriptor& plugin, const spi::options& options, recorder& out);

} // namespace atl::verify
