#pragma once

#include <atoll/spi/plugin.hpp>

namespace broken_protocols {

/// Multi-Paxos whose new leaders propose anew where something was accepted.
const atl::spi::descriptor* forgets_the_accepted();
/// Multi-Paxos whose promises don't survive a crash.
const atl::spi::descriptor* promises_in_the_air();

} // namespace broken_protocols
