#include "service_runs.hpp"

#include <atoll/core/plugin_loader.hpp>
#include <atoll/core/plugin_options.hpp>
#include <atoll/core/quantity.hpp>
#include <atoll/core/shell_word.hpp>
#include <atoll/sim/claimed_run.hpp>
#include <atoll/sim/run_arguments.hpp>
#include <atoll/sim/shrink.hpp>
#include <atoll/verify/service_simulation.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The program of an author who proves a service under a protocol.
namespace atl::verify {

namespace {

namespace fs = std::filesystem;

constexpr int exit_proved = 0;
constexpr int exit_found = 1;
constexpr int exit_usage = 2;

struct program_arguments {
  std::string program;
  std::string plugin;
  std::vector<std::string> folders;
  std::vector<std::string> options; ///< KEY=VALUE, of the plugin
  std::uint64_t seeds = 0;
  std::uint64_t first = 0;
  std::uint64_t only_seed = 0; ///< 0: all seeds
  std::optional<std::uint32_t> replicas;
  std::optional<std::uint32_t> spares;
  std::optional<std::uint32_t> clients;
  std::string duration = "10s";
  std::string think = "10ms";
  std::vector<std::string> faults{"all"};
  std::vector<std::string> without;
  std::string only;
  bool no_liveness = false;
  bool trace = false;
  bool shrink = false;
};

void add_group_options(CLI::App& app, program_arguments& arguments) {
  app.add_option("plugin", arguments.plugin, "The consensus plugin's name, or its file")
      ->required();
  app.add_option("--option", arguments.options, "An option of the plugin, KEY=VALUE")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--path", arguments.folders, "Folder to look for the plugin in")
      ->type_name("DIR")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--replicas", arguments.replicas, "Size of the group (3)")
      ->check(CLI::Range(1u, sim::group_size_max));
  app.add_option("--spares", arguments.spares,
                 "Replicas that may join the group; two by default, if the plugin claims "
                 "changes_members")
      ->check(CLI::Range(0u, sim::group_size_max));
  app.add_option("--clients", arguments.clients, "Clients (8)")->check(CLI::Range(1, 1000));
  app.add_option("--think", arguments.think, "Their mean pause between two operations")
      ->capture_default_str();
  app.add_option("--duration", arguments.duration, "Simulated time under faults")
      ->capture_default_str();
}

void add_run_options(CLI::App& app, program_arguments& arguments) {
  app.add_option("--seeds", arguments.seeds, "How many")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--first", arguments.first, "The first of them")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  auto* seed =
      app.add_option("--seed", arguments.only_seed, "This one alone")->check(CLI::PositiveNumber);
  std::vector<std::string> names{"none"};
  for (auto& it : sim::fault_names())
    names.emplace_back(it.name);
  app.add_option("--without", arguments.without, "Kinds of faults that are drawn and left out")
      ->delimiter(',')
      ->check(CLI::IsMember(names));
  names.insert(names.begin(), "all");
  app.add_option("--faults", arguments.faults,
                 "Which kinds of faults a seed may draw; all but wiped_disks are in 'all'")
      ->delimiter(',')
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  app.add_option("--only", arguments.only,
                 "Of the faults that have a name only these, such as crashes:3,loss:1-2:17, or "
                 "none")
      ->type_name("FAULTS");
  app.add_flag("--no-liveness", arguments.no_liveness,
               "Don't demand that the group answers again once all is healed");
  app.add_flag("--trace", arguments.trace, "Print all that happens in a --seed, line by line")
      ->needs(seed);
  app.add_flag("--shrink", arguments.shrink,
               "If it fails, find a small run with few faults that fails alike")
      ->needs(seed);
}

result<std::shared_ptr<const plugin>> load_protocol(const program_arguments& arguments) {
  auto& name = arguments.plugin;
  if (name.find('/') != name.npos || name.ends_with(".so")) {
    auto file = inspect_plugin(fs::absolute(name));
    if (!file.refusal.empty())
      return fail(errc::refused, file.refusal);
    if (file.identity->kind != spi::plugin_kind::consensus)
      return fail(errc::invalid, fmt::format("'{}' is no consensus plugin", name));
    return open_plugin(file);
  }
  std::vector<fs::path> folders;
  for (auto& folder : arguments.folders)
    folders.push_back(fs::absolute(folder).lexically_normal());
  auto loader = folders.empty() ? plugin_loader{} : plugin_loader{std::move(folders)};
  return loader.load(spi::plugin_kind::consensus, name);
}

result<sim::simulation_options> make_options(const program_arguments& arguments,
                                             const plugin& protocol) {
  auto run = usual_group(protocol);
  auto options = protocol.parse_options(arguments.options);
  if (!options)
    return tl::unexpected{options.error()};
  auto duration = parse_duration(arguments.duration);
  if (!duration)
    return tl::unexpected{duration.error()};
  auto think = parse_duration(arguments.think);
  if (!think)
    return tl::unexpected{think.error()};
  if (!arguments.only.empty()) {
    auto only = sim::parse_faults(arguments.only);
    if (!only)
      return tl::unexpected{only.error()};
    run.choice.only = std::move(*only);
  }
  run.protocol_options = std::move(*options);
  run.duration = *duration;
  run.workload.think = *think;
  run.workload.clients = arguments.clients.value_or(run.workload.clients);
  run.replicas = arguments.replicas.value_or(run.replicas);
  run.spares = arguments.spares.value_or(run.spares);
  run.faults = sim::named_faults(arguments.faults);
  run.choice.without = sim::named_faults(arguments.without);
  run.demand_liveness = !arguments.no_liveness;
  return run;
}

/// Only the plugin itself can tell that some options contradict each other or the group's size.
status try_options(const sim::simulation_options& run, const plugin& protocol) {
  spi::consensus_setup probe{run.protocol_options, 1, {}, 1, 1};
  for (spi::replica_id id = 1; id <= run.replicas; ++id)
    probe.voters.push_back(id);
  if (auto made = protocol.create_consensus(probe); !made)
    return tl::unexpected{made.error()};
  return {};
}

std::string replay_command(const program_arguments& arguments, const plugin& protocol,
                           const sim::simulation_options& run) {
  auto text = fmt::format("{} {} {}", shell_word(arguments.program), shell_word(arguments.plugin),
                          sim::run_arguments(run, usual_group(protocol).workload));
  text += option_words(protocol.descriptor(), run.protocol_options);
  for (auto& folder : arguments.folders)
    text += " --path " + shell_word(folder);
  return text;
}

/// Runs seeds, and prints what they find.
class seed_printer {
 public:
  seed_printer(const program_arguments& arguments, const plugin& protocol,
               sim::simulation_options group)
      : arguments_{arguments}, protocol_{protocol}, runs_{protocol, std::move(group),
                                                          option_names(arguments.options)} {}

  int run_all() {
    std::uint64_t seeds = 1;
    if (arguments_.only_seed != 0)
      run(runs_.as_given(arguments_.only_seed));
    else
      for (seeds = 0; seeds < arguments_.seeds; ++seeds)
        run(runs_.as_drawn(arguments_.first + seeds));
    if (failed_ > 0 && !arguments_.shrink)
      std::cout << "with --shrink a replay looks for a smaller run that fails alike\n";
    std::cout << fmt::format("{} seeds, {} failed; {} operations answered, {} crashes\n", seeds,
                             failed_, answered_, crashes_);
    return failed_ == 0 ? exit_proved : exit_found;
  }

 private:
  static std::set<std::string, std::less<>>
  option_names(const std::vector<std::string>& assignments) {
    std::set<std::string, std::less<>> names;
    for (auto& it : assignments)
      names.insert(it.substr(0, it.find('=')));
    return names;
  }

  void run(sim::simulation_options options) {
    if (arguments_.trace)
      options.trace = [](std::string_view line) { std::cout << line << '\n'; };
    auto report = sim::simulate(options, runs_.factory());
    answered_ += report.stats.answered;
    crashes_ += report.stats.crashes;
    if (report.ok)
      return;
    ++failed_;
    std::cout << fmt::format("{}\n  kind: {}\n  replay: {} --trace\n", report.summary(),
                             sim::name_of(report.kind),
                             replay_command(arguments_, protocol_, options));
    if (arguments_.shrink)
      print_shrunk(sim::shrink(options, runs_.factory()));
  }

  void print_shrunk(const sim::shrunk_run& it) const {
    std::cout << fmt::format("shrunk in {} runs, from {} faults to {}\n  {}\n", it.runs,
                             it.faults_before, it.report.acted.size(), it.report.reason);
    for (auto& fault : it.report.acted)
      std::cout << fmt::format("  {:10.6f} s  {:<22} {}\n", static_cast<double>(fault.at) / 1e6,
                               sim::format_faults({fault.id}), sim::describe(fault.id));
    std::cout << "  replay: " << replay_command(arguments_, protocol_, it.options) << '\n';
  }

  const program_arguments& arguments_;
  const plugin& protocol_;
  const service_runs runs_;
  std::uint64_t failed_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t crashes_ = 0;
};

int run(const program_arguments& arguments, const service_under_test& service) {
  auto protocol = load_protocol(arguments);
  auto options = protocol ? make_options(arguments, **protocol)
                          : result<sim::simulation_options>{tl::unexpected{protocol.error()}};
  auto usable =
      options ? try_options(*options, **protocol) : status{tl::unexpected{options.error()}};
  if (!usable) {
    std::cerr << arguments.program << ": " << usable.error().message << '\n';
    return exit_usage;
  }
  options->service = replicas_of(service);
  return seed_printer{arguments, **protocol, std::move(*options)}.run_all();
}

} // namespace

int simulate_service_main(int argc, char** argv, const service_under_test& service) {
  program_arguments arguments;
  arguments.program = argc > 0 ? argv[0] : "simulate";
  arguments.seeds = service.seeds;
  arguments.first = service.first_seed;
  CLI::App app{
      "Runs replicas of a service under a consensus plugin in a simulator. Each seed draws "
      "its\nown mix of faults; a failing one is printed with the command that replays it."};
  app.footer("Exit codes: 0 all seeds went well; 1 one failed; 2 nothing could be run");
  add_group_options(app, arguments);
  add_run_options(app, arguments);
  try {
    app.parse(argc, argv);
    return run(arguments, service);
  } catch (const CLI::ParseError& stop) {
    return app.exit(stop) == 0 ? exit_proved : exit_usage;
  } catch (const std::exception& problem) {
    std::cerr << arguments.program << ": " << problem.what() << '\n';
    return exit_usage;
  }
}

} // namespace atl::verify
