#pragma once

#include "option_draw.hpp"

#include <atoll/core/loaded_plugin.hpp>
#include <atoll/sim/simulation.hpp>

#include <cstdint>
#include <functional>
#include <set>
#include <string>

namespace atl::verify {

/// The simulated runs of a service under a consensus plugin.
class service_runs {
 public:
  /// @param protocol outlives the runs @param group with all options of the plugin @param named
  /// options that are never drawn
  service_runs(const plugin& protocol, sim::simulation_options group,
               const std::set<std::string, std::less<>>& named);
  service_runs(const service_runs&) = delete;
  service_runs& operator=(const service_runs&) = delete;

  const sim::consensus_factory& factory() const { return factory_; }
  /// The run of a seed with the group's options of the plugin.
  sim::simulation_options as_given(std::uint64_t seed) const;
  /// Likewise, with options that half of all seeds draw from what the plugin allows: with its
  /// defaults few logs are cut and few snapshots sent in a run of some seconds.
  sim::simulation_options as_drawn(std::uint64_t seed) const;

 private:
  const spi::descriptor& protocol_;
  const sim::simulation_options group_;
  const option_drawer drawer_;
  const sim::consensus_factory factory_;
};

} // namespace atl::verify
