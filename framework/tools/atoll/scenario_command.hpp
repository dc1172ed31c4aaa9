#pragma once

#include "simulate_arguments.hpp"

#include <atoll/core/loaded_plugin.hpp>
#include <atoll/sim/simulation.hpp>

/// `atoll simulate PLUGIN --scenario list`. @returns the exit code
int list_scenarios(const simulate_arguments& arguments);

/// `atoll simulate PLUGIN --scenario NAME`: runs a scripted sequence of events instead of seeds.
/// @param options as given on the command line. @returns the exit code
int run_named_scenario(const simulate_arguments& arguments, const atl::plugin& plugin,
                       const atl::spi::options& options);
