#pragma once

#include <atoll/sim/simulation.hpp>
#include <atoll/spi/plugin.hpp>
#include <atoll/verify/report.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::verify {

/// Description of a scenario: a scripted sequence of events for a consensus protocol.
struct scenario_info {
  std::string name; ///< `leader_lost_ten_times`
  std::string sentence;
  std::string claim;                ///< the claim that promises the property; empty: the interface
  std::vector<std::uint32_t> sizes; ///< group sizes that the scenario is run with
};

/// All scenarios, in the order in which `verify` runs them.
std::vector<scenario_info> scenarios();

/// The group to run a scenario with.
struct scenario_choice {
  std::uint32_t replicas = 0; ///< 0: each size of the scenario in turn
  /// Ids that the protocol sees for the replicas; empty: 1, 2, 3, …
  std::vector<spi::replica_id> ids{};
};

/// Observes the groups of a scenario, which may run many groups, one after the other.
struct scenario_observer {
  std::function<void(const std::string& heading)> on_group;
  sim::trace_sink trace;
  sim::event_sink observe;
};

/// Runs one scenario. A failure is the last line of the trace and the last event.
/// @param options complete, as `plugin::check_options` returns them.
/// @returns none when no scenario has this name.
std::optional<finding> run_scenario(const spi::descriptor& plugin, const spi::options& options,
                                    std::string_view name, const scenario_choice& choice,
                                    const scenario_observer& observer);

} // namespace atl::verify
