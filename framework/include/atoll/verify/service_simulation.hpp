#pragma once

#include <atoll/core/loaded_plugin.hpp>
#include <atoll/sim/simulation.hpp>
#include <atoll/verify/service_check.hpp>

#include <optional>

namespace atl::verify {

/// What a simulated group replicates, for `simulation_options::service`: replicas of the service,
/// and clients that send its commands and queries and repeat commands that were answered.
/// @param service outlives the runs
sim::service_factory replicas_of(const service_under_test& service);

/// Runs replicas of a service under a consensus protocol in the simulator, with all that fails
/// there, and checks besides what `sim::simulate` checks of the protocol:
///
/// - replicas that applied the same entries gave the same answers and have the same rows;
/// - a command that was answered took effect once, and its repetition gets the same answer, but for
///   sessions that were idle for longer than `service_info::session_expiry`;
/// - a command that was refused for certain at every attempt takes no effect, and one that is
///   answered with an error changes no rows of the application;
/// - a query shows every command whose effect an answer had shown before the query was asked, and
///   replicas in the same state answer it alike;
/// - the author's invariant holds at each replica, every few entries and at the end;
/// - neither the logic nor a function of `service` throws.
///
/// Each run is made from its seed in the calling thread and comes out the same each time, if
/// `service` draws from its arguments alone. Rows lie in memory; `check_service` tries databases.
/// @param group the group's size, faults and duration; its seed and service are not used
/// @returns the first finding of the seeds that `service` names; none if every seed went well
std::optional<service_finding> simulate_service(const service_under_test& service,
                                                const sim::consensus_factory& protocol,
                                                const sim::simulation_options& group = {});

/// A group of three replicas and eight clients, for this plugin with its default options. If the
/// plugin claims to change members, two spares may join. @param protocol a consensus plugin
/// @throws std::invalid_argument for a plugin of another kind, or one that needs options
sim::simulation_options usual_group(const plugin& protocol);

/// Likewise, under a consensus plugin, with the faults that it claims to tolerate. Half of all
/// seeds draw options of the plugin from what it allows, in place of those that are at their
/// defaults. @param group with all options of the plugin, as `usual_group` makes it
std::optional<service_finding> simulate_service(const service_under_test& service,
                                                const plugin& protocol,
                                                const sim::simulation_options& group);
/// Likewise, with the usual group.
std::optional<service_finding> simulate_service(const service_under_test& service,
                                                const plugin& protocol);

/// The `main` of a program that proves a service under the consensus plugin that its command line
/// names, with options like those of `atoll simulate` (`--help` lists them). Prints each seed that
/// fails with the command that repeats it.
/// @returns the exit code: 0 all seeds went well, 1 one failed, 2 nothing could be run
int simulate_service_main(int argc, char** argv, const service_under_test& service);

} // namespace atl::verify
