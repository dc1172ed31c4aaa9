#pragma once

#include "plugin_choice.hpp"

#include <atoll/sim/diagram.hpp>
#include <atoll/sim/simulation.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// The command line of `atoll simulate`.
struct simulate_arguments {
  plugin_choice choice;

  // Selection of runs.
  std::uint64_t seeds = 200;
  std::uint64_t first = 1;
  std::uint64_t only_seed = 0; ///< 0: all seeds
  unsigned jobs = 0;
  std::string scenario; ///< instead of seeds

  // The simulated group.
  std::uint32_t replicas = 3;
  bool replicas_given = false;
  std::vector<std::uint32_t> ids; ///< of the replicas and spares; empty: 1, 2, 3, …
  int spares = -1;                ///< as many as the plugin's claims ask for
  std::string duration = "10s";
  std::vector<std::string> faults{"all"};
  std::vector<std::string> without;
  std::string only;
  std::vector<std::uint32_t> damage;
  std::uint32_t clients = atl::sim::workload_options{}.clients;
  std::uint32_t keys = atl::sim::workload_options{}.keys;
  std::string think;
  std::string payload;
  bool no_liveness = false;

  // Output.
  bool trace = false;
  bool shrink = false;
  std::uint64_t shrink_runs = 1'000;
  std::string diagram;
  std::string from;
  std::string until;
  std::size_t events = atl::sim::diagram_window{}.events;
  bool json = false;
};

void add_simulate_options(CLI::App& command, simulate_arguments& arguments);

/// The requested options of a run of this plugin, with the first seed.
atl::result<atl::sim::simulation_options> make_options(const simulate_arguments& arguments,
                                                       const atl::plugin& plugin);

/// An error unless `--ids`, if given, has at least this many ids, all different.
atl::status check_ids(const std::vector<std::uint32_t>& ids, std::size_t replicas);

/// The part of a run to draw.
atl::result<atl::sim::diagram_window> make_window(const simulate_arguments& arguments);

/// The command that repeats the run.
std::string replay_command(const plugin_choice& choice,
                           const atl::sim::simulation_options& options);
