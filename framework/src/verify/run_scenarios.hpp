#pragma once

#include "recorder.hpp"

#include <atoll/spi/plugin.hpp>

namespace atl::verify {

/// Runs a consensus plugin through all scenarios: with the group sizes of each scenario, with
/// larger groups, with ids of all lengths, and with each boolean option inverted. A failure
/// includes the command that reproduces it.
void try_scenarios(const spi::descriptor& plugin, const spi::options& options, recorder& out);

} // namespace atl::verify
