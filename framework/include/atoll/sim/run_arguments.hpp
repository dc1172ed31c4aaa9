#pragma once

#include <atoll/sim/simulation.hpp>
#include <atoll/sim/storage_simulation.hpp>

#include <string>
#include <vector>

namespace atl::sim {

/// `crashes,loss`; `all` and `none` for those, and `all,wiped_disks`.
std::string format_fault_set(const fault_set& it);

/// The inverse, from the names between the commas. Names of no fault are ignored.
fault_set named_faults(const std::vector<std::string>& names);

/// Arguments of `atoll simulate PLUGIN`, besides the plugin's own options, that repeat a run:
/// `--seed 17 --replicas 3 --faults crashes --duration 2100ms`.
/// @param usual the workload of a program that is given no argument for it: what differs is printed
std::string run_arguments(const simulation_options& options, const workload_options& usual = {});

// The same for `atoll simulate storage`, without the plugins.
std::string format_fault_set(const storage_fault_set& it);
storage_fault_set named_storage_faults(const std::vector<std::string>& names);
std::string run_arguments(const storage_simulation_options& options);

} // namespace atl::sim
