#include "simulate_arguments.hpp"

#include <atoll/core/quantity.hpp>
#include <atoll/sim/claimed_run.hpp>
#include <atoll/sim/run_arguments.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace {

using namespace atl::sim;

constexpr std::int64_t payload_max = std::int64_t{8} << 20;

bool has_name(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

void add_fault_options(CLI::App& command, simulate_arguments& arguments) {
  std::vector<std::string> names{"none"};
  for (auto& it : fault_names())
    names.emplace_back(it.name);
  command.add_option("--without", arguments.without, "Kinds of faults that are drawn and left out")
      ->delimiter(',')
      ->check(CLI::IsMember(names));
  names.insert(names.begin(), "all");
  command
      .add_option("--faults", arguments.faults,
                  "Which kinds of faults a seed may draw; all but wiped_disks are in 'all'")
      ->delimiter(',')
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  command
      .add_option("--only", arguments.only,
                  "Of the faults that have a name only these, such as crashes:3,loss:1-2:17, or "
                  "none")
      ->type_name("FAULTS");
  command
      .add_option("--damage", arguments.damage,
                  "Replicas of which records may turn unreadable while they are down; then a "
                  "protocol may stop itself, and need not go on")
      ->delimiter(',')
      ->check(CLI::Range(1, 9));
}

void add_output_options(CLI::App& command, simulate_arguments& arguments, CLI::Option* seed) {
  command.add_flag("--trace", arguments.trace,
                   "Print all that happens in a --seed or a --scenario, line by line");
  auto* shrink = command
                     .add_flag("--shrink", arguments.shrink,
                               "If it fails, find a small run with few faults that fails alike")
                     ->needs(seed);
  command.add_option("--shrink-runs", arguments.shrink_runs, "Runs that are tried for it, at most")
      ->capture_default_str()
      ->check(CLI::PositiveNumber)
      ->needs(shrink);
  auto* diagram =
      command
          .add_option("--diagram", arguments.diagram,
                      "Draw the run of a --seed, or the last group of a --scenario, up to its "
                      "failure or its end, as a sequence diagram (SVG)")
          ->type_name("FILE");
  command.add_option("--from", arguments.from, "Where the diagram begins, such as 1200ms")
      ->needs(diagram);
  command.add_option("--until", arguments.until, "Where it ends")->needs(diagram);
  command
      .add_option("--events", arguments.events,
                  "Events in it, at most; the last ones, or with --from the first ones")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, diagram_events_max))
      ->needs(diagram);
  command.add_flag("--json", arguments.json, "Print JSON, for programs");
}

/// Options for seeds make no sense with a scenario.
void add_scenario_option(CLI::App& command, simulate_arguments& arguments) {
  auto* scenario =
      command
          .add_option("--scenario", arguments.scenario,
                      "A scripted course of events instead of seeds; 'list' names them all")
          ->type_name("NAME");
  for (auto* option :
       {"--seeds", "--first", "--seed", "--jobs", "--spares", "--duration", "--clients", "--keys",
        "--think", "--faults", "--without", "--only", "--damage", "--no-liveness", "--shrink"})
    scenario->excludes(command.get_option(option));
}

} // namespace

void add_simulate_options(CLI::App& command, simulate_arguments& arguments) {
  add_plugin_choice(command, arguments.choice);
  command.add_option("--seeds", arguments.seeds, "How many")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command.add_option("--first", arguments.first, "The first of them")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  auto* seed = command.add_option("--seed", arguments.only_seed, "This one alone")
                   ->check(CLI::PositiveNumber);
  command.add_option("--jobs", arguments.jobs, "Threads; as many as there are cores by default");
  command.add_option("--replicas", arguments.replicas, "Size of the group")
      ->capture_default_str()
      ->check(CLI::Range(1, 9));
  command
      .add_option("--spares", arguments.spares,
                  "Replicas that may join the group; two by default, if the plugin claims "
                  "changes_members")
      ->check(CLI::Range(0, 9));
  command
      .add_option("--ids", arguments.ids,
                  "As the protocol knows the replicas and spares, instead of 1,2,3")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  command.add_option("--duration", arguments.duration, "Simulated time under faults, such as 10s")
      ->capture_default_str();
  command.add_option("--clients", arguments.clients, "Clients")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command.add_option("--keys", arguments.keys, "Keys that they write, at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command.add_option("--payload", arguments.payload,
                     "Bytes that are added to each command, such as 64KiB");
  command.add_option("--think", arguments.think, "Their mean pause between two operations (10ms)");
  add_fault_options(command, arguments);
  command.add_flag("--no-liveness", arguments.no_liveness,
                   "Don't demand that the group answers again once all is healed");
  add_output_options(command, arguments, seed);
  add_scenario_option(command, arguments);
}

atl::status check_ids(const std::vector<std::uint32_t>& ids, std::size_t replicas) {
  if (ids.empty())
    return {};
  if (ids.size() < replicas)
    return atl::fail(atl::errc::invalid,
                     fmt::format("--ids names {} replicas, and {} are expected: one id for each "
                                 "replica and spare",
                                 ids.size(), replicas));
  if (std::set(ids.begin(), ids.end()).size() != ids.size())
    return atl::fail(atl::errc::invalid, "--ids names an id twice");
  return {};
}

atl::result<diagram_window> make_window(const simulate_arguments& arguments) {
  diagram_window window;
  window.events = arguments.events;
  for (auto [text, into] :
       {std::pair{&arguments.from, &window.from}, {&arguments.until, &window.until}}) {
    if (text->empty())
      continue;
    auto time = atl::parse_duration(*text);
    if (!time)
      return tl::unexpected{time.error()};
    *into = time->count();
  }
  return window;
}

atl::result<simulation_options> make_options(const simulate_arguments& arguments,
                                             const atl::plugin& plugin) {
  simulation_options it;
  auto options = chosen_options(plugin, arguments.choice.options);
  if (!options)
    return tl::unexpected{options.error()};
  it.protocol_options = std::move(*options);
  auto duration = atl::parse_duration(arguments.duration);
  auto think = arguments.think.empty() ? it.workload.think : atl::parse_duration(arguments.think);
  auto only = parse_faults(arguments.only);
  auto payload =
      arguments.payload.empty() ? atl::result<std::int64_t>{0} : atl::parse_size(arguments.payload);
  if (!duration || !think)
    return tl::unexpected{duration ? think.error() : duration.error()};
  if (!payload)
    return tl::unexpected{payload.error()};
  if (*payload > payload_max)
    return atl::fail(atl::errc::invalid,
                     fmt::format("--payload {}: at most {} are simulated", arguments.payload,
                                 atl::format_size(payload_max)));
  if (!only)
    return tl::unexpected{only.error()};
  it.seed = arguments.only_seed != 0 ? arguments.only_seed : arguments.first;
  it.duration = *duration;
  it.workload.think = *think;
  it.workload.payload = static_cast<std::size_t>(*payload);
  it.workload.clients = arguments.clients;
  it.workload.keys = arguments.keys;
  it.replicas = arguments.replicas;
  it.spares = arguments.spares >= 0 ? static_cast<std::uint32_t>(arguments.spares)
              : plugin.claim("changes_members") == "yes" && arguments.damage.empty() ? 2
                                                                                     : 0;
  if (auto checked = check_ids(arguments.ids, it.replicas + it.spares); !checked)
    return tl::unexpected{checked.error()};
  it.ids = arguments.ids;
  it.faults = named_faults(arguments.faults);
  // If the protocol trusts clocks, clock jumps must be requested explicitly; clocks never drift
  // beyond the bound.
  keep_to_claims(it, plugin.descriptor());
  if (has_name(arguments.faults, "clock_jumps"))
    it.faults.clock_jumps = true;
  it.faults.damageable = arguments.damage;
  it.choice.without = named_faults(arguments.without);
  if (!arguments.only.empty())
    it.choice.only = std::move(*only);
  it.demand_liveness = !arguments.no_liveness && arguments.damage.empty();
  it.fatal_is_failure = arguments.damage.empty();
  return it;
}

std::string replay_command(const plugin_choice& choice, const simulation_options& options) {
  auto text = fmt::format("atoll simulate {} {}", shell_word(choice.name), run_arguments(options));
  for (auto& option : choice.options)
    text += " --option " + shell_quoted(option);
  return text + path_words(choice);
}
