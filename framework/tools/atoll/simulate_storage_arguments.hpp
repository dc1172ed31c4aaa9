#pragma once

#include "plugin_choice.hpp"

#include <atoll/sim/storage_simulation.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// The command line of `atoll simulate storage`.
struct simulate_storage_arguments {
  plugin_choice recovery;
  plugin_choice balancer;

  // Selection of runs.
  std::uint64_t seeds = 200;
  std::uint64_t first = 1;
  std::uint64_t only_seed = 0; ///< 0: all seeds
  unsigned jobs = 0;

  // The simulated cluster.
  atl::sim::storage_simulation_options run;
  std::string duration = "60s";
  std::string unit_size = "4MiB";
  std::vector<std::string> faults{"all"};
  std::vector<std::string> without;
  std::string only;
  bool no_convergence = false;

  // Output.
  bool trace = false;
  bool shrink = false;
  std::uint64_t shrink_runs = 1'000;
  bool json = false;
};

void add_simulate_storage_options(CLI::App& command, simulate_storage_arguments& arguments);

/// The requested options of a run, with the first seed and without plugins.
atl::result<atl::sim::storage_simulation_options>
make_options(const simulate_storage_arguments& arguments);

/// The command that repeats the run.
std::string replay_command(const simulate_storage_arguments& arguments,
                           const atl::sim::storage_simulation_options& options);
