#pragma once

#include "../plugin_under_test.hpp"

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);

namespace paxos {

inline const atl::spi::descriptor& plugin() {
  return ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);
}

inline atl::sim::simulation_options options(std::uint64_t seed, std::uint32_t replicas,
                                            const under_test::overrides& changed = {}) {
  return under_test::simulation_of(plugin(), seed, replicas, changed);
}

inline atl::sim::consensus_factory factory() {
  return under_test::factory_of(plugin());
}

} // namespace paxos
