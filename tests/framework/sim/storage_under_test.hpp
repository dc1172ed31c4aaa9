#pragma once

#include "plugins/consensus/plugin_under_test.hpp"
#include "striped_scheme.hpp"

#include <atoll/sim/storage_simulation.hpp>
#include <atoll/spi/plugin.hpp>

#include <cstdint>
#include <memory>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, least_used, 1, 0, 0);

namespace under_test {

/// Three whole copies, placed where most space is left.
inline atl::sim::storage_plugins replicated() {
  static const auto& recovery = ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0);
  static const auto& balancer = ATOLL_PLUGIN_SYMBOL(balancer, least_used, 1, 0, 0);
  static const auto recovery_options = make_options(recovery);
  static const auto balancer_options = make_options(balancer);
  return {[] {
            return std::unique_ptr<atl::spi::recovery>{
                recovery.create.recovery({recovery_options})};
          },
          [](std::uint64_t seed) {
            return std::unique_ptr<atl::spi::balancer>{
                balancer.create.balancer({balancer_options, seed})};
          }};
}

/// Any three of five fragments.
inline atl::sim::storage_plugins striped() {
  auto plugins = replicated();
  plugins.recovery = [] { return std::make_unique<striped_scheme>(5, 3); };
  return plugins;
}

inline atl::sim::storage_simulation_options storage_of(std::uint64_t seed) {
  atl::sim::storage_simulation_options it;
  it.seed = seed;
  it.plugins = replicated();
  return it;
}

} // namespace under_test
