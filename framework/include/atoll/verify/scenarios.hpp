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

/// A scripted course of events that a consensus protocol is taken through, by its name.
struct scenario_info {
  std::string name; ///< `leader_lost_ten_times`
  std::string sentence;
  std::string claim;                ///< that promises it; empty: the interface does
  std::vector<std::uint32_t> sizes; ///< of the groups that it is run with
};

/// All that there are, in the order in which `verify` runs them.
std::vector<scenario_info> scenarios();

/// The group that a scenario is run with.
struct scenario_choice {
  std::uint32_t replicas = 0;         ///< 0: each size in turn that the scenario asks for
  std::vector<spi::replica_id> ids{}; ///< as the protocol knows its replicas; empty: 1, 2, 3, …
};

/// Sees what happens in a scenario's groups. A scenario may run many groups, one after the other.
struct scenario_observer {
  std::function<void(const std::string& heading)> on_group;
  sim::trace_sink trace;
  sim::event_sink observe;
};

/// Runs one scenario. Its failure, if it has one, is the last line of the trace and the last event.
/// @param options complete, as `plugin::check_options` gives them.
/// @returns none when there is no such scenario.
std::optional<finding> run_scenario(const spi::descriptor& plugin, const spi::options& options,
                                    std::string_view name, const scenario_choice& choice,
                                    const scenario_observer& observer);

} // namespace atl::verify
