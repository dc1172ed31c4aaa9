#include "simulate_storage_arguments.hpp"

#include <atoll/core/quantity.hpp>
#include <atoll/sim/run_arguments.hpp>

#include <fmt/format.h>

namespace {

using namespace atl::sim;

void add_plugin(CLI::App& command, plugin_choice& choice, const std::string& kind,
                const std::string& what) {
  command.add_option("--" + kind, choice.name, what + ": its name, or its file")
      ->required()
      ->type_name("PLUGIN");
  command.add_option("--" + kind + "-option", choice.options, "An option of it, KEY=VALUE")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_run_options(CLI::App& command, simulate_storage_arguments& arguments) {
  command.add_option("--nodes", arguments.run.nodes, "Storage nodes at the beginning")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command.add_option("--zones", arguments.run.zones, "Failure domains; by default the seed draws")
      ->check(CLI::Range(1, 10'000));
  command.add_option("--hosts", arguments.run.hosts, "Processes with a keeper, one of which leads")
      ->capture_default_str()
      ->check(CLI::Range(1, 9));
  command
      .add_option("--units", arguments.run.units,
                  "What is stored as fragments, at the beginning; clients put and remove others")
      ->capture_default_str()
      ->check(CLI::Range(0, 10'000'000));
  command.add_option("--unit-size", arguments.unit_size, "Their greatest size")
      ->capture_default_str();
  command.add_option("--clients", arguments.run.clients, "Clients")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000));
  command.add_option("--duration", arguments.duration, "Simulated time under faults, such as 60s")
      ->capture_default_str();
}

void add_fault_options(CLI::App& command, simulate_storage_arguments& arguments) {
  std::vector<std::string> names{"none"};
  for (auto& it : storage_fault_names())
    names.emplace_back(it.name);
  command.add_option("--without", arguments.without, "Kinds of faults that are drawn and left out")
      ->delimiter(',')
      ->check(CLI::IsMember(names));
  names.insert(names.begin(), "all");
  command.add_option("--faults", arguments.faults, "Which kinds of faults a seed may draw")
      ->delimiter(',')
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  command
      .add_option("--only", arguments.only,
                  "Only these faults, such as node_wipes:3,lost_orders:2:17, or none")
      ->type_name("FAULTS");
}

} // namespace

void add_simulate_storage_options(CLI::App& command, simulate_storage_arguments& arguments) {
  add_plugin(command, arguments.recovery, "recovery", "The recovery scheme");
  add_plugin(command, arguments.balancer, "balancer", "The balancer that places fragments");
  command.add_option("--path", arguments.recovery.folders, "Folder to look for the plugins in")
      ->type_name("DIR")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--seeds", arguments.seeds, "How many")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command.add_option("--first", arguments.first, "The first of them")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  auto* seed = command.add_option("--seed", arguments.only_seed, "This one alone")
                   ->check(CLI::PositiveNumber);
  command.add_option("--jobs", arguments.jobs, "Threads; as many as there are cores by default");
  add_run_options(command, arguments);
  add_fault_options(command, arguments);
  command.add_flag("--no-convergence", arguments.no_convergence,
                   "Don't demand that all is in order in time once the faults have ended");
  command.add_flag("--trace", arguments.trace, "Print all that happens in a --seed, line by line")
      ->needs(seed);
  auto* shrink = command
                     .add_flag("--shrink", arguments.shrink,
                               "If it fails, find a small run with few faults that fails alike")
                     ->needs(seed);
  command.add_option("--shrink-runs", arguments.shrink_runs, "Runs that are tried for it, at most")
      ->capture_default_str()
      ->check(CLI::PositiveNumber)
      ->needs(shrink);
  command.add_flag("--json", arguments.json, "Print JSON, for programs");
}

atl::result<storage_simulation_options> make_options(const simulate_storage_arguments& arguments) {
  auto it = arguments.run;
  auto duration = atl::parse_duration(arguments.duration);
  auto unit_size = atl::parse_size(arguments.unit_size);
  auto only = parse_faults(arguments.only);
  if (!duration)
    return tl::unexpected{duration.error()};
  if (!unit_size)
    return tl::unexpected{unit_size.error()};
  if (*unit_size < 1 || *unit_size > std::int64_t{1} << 40)
    return atl::fail(atl::errc::invalid, fmt::format("--unit-size {}: only 1 to 1TiB is simulated",
                                                     arguments.unit_size));
  if (!only)
    return tl::unexpected{only.error()};
  it.seed = arguments.only_seed != 0 ? arguments.only_seed : arguments.first;
  it.duration = *duration;
  it.unit_bytes_max = static_cast<std::uint64_t>(*unit_size);
  it.faults = named_storage_faults(arguments.faults);
  it.choice.without = named_storage_faults(arguments.without);
  if (!arguments.only.empty())
    it.choice.only = std::move(*only);
  it.demand_convergence = !arguments.no_convergence;
  return it;
}

std::string replay_command(const simulate_storage_arguments& arguments,
                           const storage_simulation_options& options) {
  auto text = fmt::format("atoll simulate storage --recovery {} --balancer {} {}",
                          shell_word(arguments.recovery.name), shell_word(arguments.balancer.name),
                          run_arguments(options));
  for (auto& option : arguments.recovery.options)
    text += " --recovery-option " + shell_quoted(option);
  for (auto& option : arguments.balancer.options)
    text += " --balancer-option " + shell_quoted(option);
  return text + path_words(arguments.recovery);
}
