#include "atoll_commands.hpp"
#include "compare_arguments.hpp"
#include "input_file.hpp"
#include "plugin_choice.hpp"

#include <atoll/compare/comparison.hpp>
#include <atoll/compare/durability_model.hpp>
#include <atoll/compare/isolated_runs.hpp>
#include <atoll/compare/strategy_file.hpp>
#include <atoll/core/plugin_name.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <thread>

namespace {

using namespace atl::compare;
namespace fs = std::filesystem;

/// The strategy of a file, or with default options the plugin of this name if there is no such
/// file.
atl::result<strategy_file> read_strategy(const std::string& argument,
                                         const compare_arguments& arguments) {
  std::error_code ignored;
  if (atl::is_plugin_name(argument) && !fs::exists(argument, ignored))
    return strategy_file{argument, {}, {}};
  auto text = read_input(argument);
  if (!text)
    return tl::unexpected{text.error()};
  return parse_strategy(*text, argument, arguments.section);
}

atl::result<strategy> load_strategy(const std::string& argument, const std::string& label,
                                    const compare_arguments& arguments) {
  auto written = read_strategy(argument, arguments);
  if (!written)
    return tl::unexpected{written.error()};
  auto place = written->where.line == 0 ? "compare" : written->where.text();
  auto plugin =
      find_plugin({written->plugin, arguments.folders, {}}, atl::spi::plugin_kind::balancer);
  if (!plugin)
    return atl::fail(plugin.error(), place);
  auto options = (*plugin)->check_options(written->options);
  if (!options)
    return tl::unexpected{options.error()};
  auto make = [plugin = *plugin, options = *options](std::uint64_t seed) {
    return plugin->create_balancer(options, seed);
  };
  if (auto accepted = check_options_accepted(**plugin, [&] { return make(1); }); !accepted)
    return atl::fail(accepted.error(), place);
  return strategy{label, written->plugin, make};
}

int compare_balancers(const compare_arguments& arguments) {
  auto model = load_workload(arguments.workload);
  if (!model)
    return report_comparison_error(model.error());
  if (arguments.requests != 0)
    model->requests = model->arrivals.process == arrival_process::recorded
                          ? std::min(arguments.requests, model->requests)
                          : arguments.requests;
  std::vector<strategy> strategies;
  auto labels = labels_of(arguments.strategies);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    auto loaded = load_strategy(arguments.strategies[i], labels[i], arguments);
    if (!loaded)
      return report_comparison_error(loaded.error());
    strategies.push_back(std::move(*loaded));
  }
  auto results = run_isolated(*model, strategies, arguments.seed,
                              std::max(1u, std::thread::hardware_concurrency()),
                              std::chrono::seconds{arguments.idle_timeout});
  if (!results)
    return report_comparison_error(results.error());
  auto theory = closed_forms(*model);
  comparison out{std::move(*model), arguments.seed, std::move(*results), std::move(theory)};
  std::cout << to_text(out);
  if (!arguments.json.empty() && !write_output(arguments.json, to_json(out)))
    return exit_usage;
  if (!arguments.svg.empty() && !write_output(arguments.svg, latency_chart(out)))
    return exit_usage;
  auto has_errors = [](auto& each) { return each.plugin_errors != 0; };
  return std::any_of(out.strategies.begin(), out.strategies.end(), has_errors) ? exit_failed
                                                                               : exit_ok;
}

int run(const compare_arguments& arguments) {
  if (arguments.availability)
    return compare_availability(arguments);
  if (arguments.durability)
    return compare_durability(arguments);
  if (arguments.strategies.empty() || arguments.workload.empty())
    return report_comparison_error({atl::errc::invalid,
                                    "compare takes strategies, as names of plugins or "
                                    "files, and --workload FILE, or --availability, "
                                    "or --durability"});
  return compare_balancers(arguments);
}

} // namespace

std::vector<std::string> labels_of(const std::vector<std::string>& strategies) {
  std::vector<std::string> labels;
  for (auto& strategy : strategies)
    labels.push_back(fs::path{strategy}.stem().string());
  auto sorted = labels;
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end() ? labels : strategies;
}

int report_comparison_error(const atl::error& problem) {
  std::cerr << "atoll: " << problem.message << '\n';
  return problem.code == atl::errc::internal ? exit_failed : exit_usage;
}

bool write_output(const std::string& file, const std::string& text) {
  errno = 0;
  std::ofstream out{file, std::ios::binary};
  out << text;
  out.close();
  if (!out)
    std::cerr << "atoll: " << atl::system_error(errno, "cannot write " + file).message << '\n';
  return static_cast<bool>(out);
}

void add_compare_command(CLI::App& app, int& code) {
  auto arguments = std::make_shared<compare_arguments>();
  auto& it = *arguments;
  auto* command = app.add_subcommand(
      "compare",
      "Balancers side by side in a queueing simulation that runs the same .so as a cluster, "
      "beside\n"
      "what theory says; with --availability, protocols beside formulas: how likely a write\n"
      "succeeds while replicas are down; or, with --durability, recovery schemes: how likely they\n"
      "lose data, and what they cost. Exit code 1: a plugin made errors (docs/COMPARING.md)");
  auto* strategies =
      command->add_option("strategies", it.strategies,
                          "For each strategy the name of a plugin, for its default options, or a\n"
                          "TOML file: [balancer] (with --durability [recovery]) with plugin and\n"
                          "options, or the file of a cluster with --section");
  auto* workload =
      command->add_option("--workload", it.workload, "TOML file with arrivals, service and members")
          ->type_name("FILE");
  auto* section = command
                      ->add_option("--section", it.section,
                                   "The section of a cluster's file that names the balancer")
                      ->check(CLI::IsMember({"reads", "placement"}));
  auto* requests =
      command
          ->add_option("--requests", it.requests, "So many instead of the workload's run.requests")
          ->check(CLI::Range(std::uint64_t{10}, requests_max));
  auto* svg =
      command
          ->add_option(
              "--svg", it.svg,
              "Draw the share of requests that took longer, by time; or the probability of\n"
              "a loss, by the mean time to the failure of a node")
          ->type_name("FILE");
  auto* json = command->add_option("--json", it.json, "Write the numbers as JSON, for programs")
                   ->type_name("FILE");
  auto* idle_timeout = command
                           ->add_option("--idle-timeout", it.idle_timeout,
                                        "Seconds without any progress after which a plugin is said "
                                        "to hang")
                           ->capture_default_str()
                           ->check(CLI::Range(1, 86'400));
  command->add_option("--seed", it.seed, "Equal seeds give equal results")->capture_default_str();
  command->add_option("--path", it.folders, "Folder to look for plugins in")
      ->type_name("DIR")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  auto* availability = command->add_flag("--availability", it.availability,
                                         "Of protocols: the probability that a write succeeds");
  for (auto* other : {strategies, workload, section, requests, svg, idle_timeout})
    availability->excludes(other);
  auto* durability =
      command->add_flag("--durability", it.durability,
                        "Of recovery schemes: the probability that data is lost, and costs");
  for (auto* other : {availability, workload, section, requests})
    durability->excludes(other);
  command
      ->add_option("--cluster", it.cluster,
                   "TOML file with nodes, chunks, failures and repairs; without it all keys have\n"
                   "their defaults")
      ->type_name("FILE")
      ->needs(durability);
  auto* keeper_runs =
      command
          ->add_option("--keeper-runs", it.keeper_runs,
                       "Runs in which the keeper itself repairs; 0: none. Without it as many as\n"
                       "the cluster's runs, or fewer if they take more than some seconds")
          ->check(CLI::Range(std::uint64_t{0}, keeper_runs_max))
          ->needs(durability);
  command
      ->add_option("--keeper-window", it.keeper_window,
                   "Tell what the keeper does in one window of one run of one scheme, instead of\n"
                   "comparing: 17:2 is the second window of run 17 in which data might be lost")
      ->type_name("RUN:WINDOW")
      ->needs(durability)
      ->excludes(keeper_runs)
      ->excludes(svg)
      ->excludes(json);
  command->add_option("--replicas", it.replicas, "Sizes of groups")
      ->delimiter(',')
      ->check(CLI::Range(1u, measured_replicas_max))
      ->capture_default_str()
      ->needs(availability);
  command->add_option("--down", it.down, "Probability that a replica is down")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->needs(availability);
  command->add_option("--protocols", it.protocols, "Names of consensus plugins")
      ->delimiter(',')
      ->capture_default_str()
      ->needs(availability);
  command->callback([arguments, &code] { code = run(*arguments); });
}
