#pragma once

#include "../plugin_under_test.hpp"

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

namespace two_phase_commit {

inline const atl::spi::descriptor& plugin() {
  return ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);
}

/// Simulation options for these tests: the faults that the protocol claims to tolerate. Loss of the
/// coordinator's disk is tested by scenarios of its own.
inline atl::sim::simulation_options options(std::uint64_t seed, std::uint32_t replicas,
                                            const under_test::overrides& changed = {}) {
  return under_test::simulation_of(plugin(), seed, replicas, changed);
}

inline atl::sim::consensus_factory factory() {
  return under_test::factory_of(plugin());
}

} // namespace two_phase_commit
