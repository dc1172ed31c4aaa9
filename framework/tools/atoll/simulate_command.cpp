#include "commands.hpp"
#include "plugin_choice.hpp"

#include <atoll/core/quantity.hpp>
#include <atoll/sim/simulation.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace {

using namespace atl::sim;

struct simulate_arguments {
  plugin_choice choice;
  std::vector<std::string> faults{"all"};
  std::string duration = "10s";
  std::uint64_t seeds = 200;
  std::uint64_t first = 1;
  std::uint64_t only = 0;
  std::uint32_t replicas = 3;
  int spares = -1;
  unsigned jobs = 0;
  bool trace = false;
  bool no_liveness = false;
  bool json = false;
};

const std::map<std::string, bool fault_set::*> fault_names = {
    {"crashes", &fault_set::crashes},
    {"mass_crashes", &fault_set::mass_crashes},
    {"loss", &fault_set::loss},
    {"duplication", &fault_set::duplication},
    {"reordering", &fault_set::reordering},
    {"replays", &fault_set::replays},
    {"partitions", &fault_set::partitions},
    {"clogs", &fault_set::clogs},
    {"pauses", &fault_set::pauses},
    {"clocks", &fault_set::clocks},
    {"disk_stalls", &fault_set::disk_stalls},
    {"sync_failures", &fault_set::sync_failures},
    {"objections", &fault_set::objections},
    {"lost_answers", &fault_set::lost_answers},
    {"unreachable_hints", &fault_set::unreachable_hints},
    {"lazy_hosts", &fault_set::lazy_hosts},
    {"transfers", &fault_set::transfers},
    {"member_changes", &fault_set::member_changes},
};

atl::result<simulation_options> make_options(const simulate_arguments& arguments,
                                             const atl::plugin& plugin) {
  simulation_options it;
  auto options = chosen_options(plugin, arguments.choice.options);
  if (!options)
    return tl::unexpected{options.error()};
  it.protocol_options = std::move(*options);
  auto duration = atl::parse_duration(arguments.duration);
  if (!duration)
    return tl::unexpected{duration.error()};
  it.duration = *duration;
  it.replicas = arguments.replicas;
  it.spares = arguments.spares >= 0 ? static_cast<std::uint32_t>(arguments.spares)
              : plugin.claim("changes_members") == "yes" ? 2
                                                         : 0;
  it.lose_at_rest = plugin.claim("blocks_on_one_failure") == "yes";
  it.tell_losses = plugin.descriptor().spi_minor >= 1;
  it.demand_liveness = !arguments.no_liveness;
  if (arguments.faults != std::vector<std::string>{"all"}) {
    it.faults = fault_set::none();
    for (auto& name : arguments.faults)
      if (name == "all")
        it.faults = fault_set::all();
      else if (name != "none")
        it.faults.*fault_names.at(name) = true;
  }
  return it;
}

/// What seeds came to, from all threads.
struct tally {
  std::mutex mutex;
  std::vector<simulation_report> failures;
  simulation_stats stats;
  std::uint64_t unsettled = 0;

  void add(simulation_report report) {
    std::lock_guard lock{mutex};
    stats.calls += report.stats.calls;
    stats.answered += report.stats.answered;
    stats.crashes += report.stats.crashes;
    stats.decided += report.stats.decided;
    unsettled += report.checked ? 0 : 1;
    if (!report.ok)
      failures.push_back(std::move(report));
  }
};

void run_seeds(const simulate_arguments& arguments, const simulation_options& options,
               const consensus_factory& factory, tally& all) {
  auto first = arguments.only != 0 ? arguments.only : arguments.first;
  auto count = arguments.only != 0 ? 1 : arguments.seeds;
  std::atomic<std::uint64_t> next{0};
  auto work = [&] {
    for (auto i = next++; i < count; i = next++) {
      auto mine = options;
      mine.seed = first + i;
      if (arguments.trace && count == 1)
        mine.trace = [](std::string_view line) { std::cout << line << '\n'; };
      all.add(simulate(mine, factory));
    }
  };
  auto jobs =
      arguments.jobs != 0 ? arguments.jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < jobs && i < count; ++i)
    threads.emplace_back(work);
  work();
  for (auto& thread : threads)
    thread.join();
  std::sort(all.failures.begin(), all.failures.end(),
            [](auto& a, auto& b) { return a.seed < b.seed; });
}

std::string replay_command(const simulate_arguments& arguments, std::uint64_t seed) {
  auto text = fmt::format("atoll simulate {} --seed {} --trace --replicas {} --duration {}",
                          arguments.choice.name, seed, arguments.replicas, arguments.duration);
  if (arguments.faults != std::vector<std::string>{"all"})
    text += fmt::format(" --faults {}", fmt::join(arguments.faults, ","));
  if (arguments.spares >= 0)
    text += fmt::format(" --spares {}", arguments.spares);
  for (auto& option : arguments.choice.options)
    text += fmt::format(" --option '{}'", option);
  for (auto& folder : arguments.choice.folders)
    text += fmt::format(" --path {}", folder);
  return text + (arguments.no_liveness ? " --no-liveness" : "");
}

int report(const simulate_arguments& arguments, const atl::plugin& plugin, const tally& all,
           double seconds) {
  auto count = arguments.only != 0 ? 1 : arguments.seeds;
  auto rate = seconds > 0 ? static_cast<double>(all.stats.calls) / seconds : 0;
  if (arguments.json) {
    nlohmann::json out{{"plugin", plugin.name()},
                       {"version", plugin.version()},
                       {"seeds", count},
                       {"failed", all.failures.size()},
                       {"calls", all.stats.calls},
                       {"calls_per_second", rate},
                       {"answered", all.stats.answered},
                       {"crashes", all.stats.crashes},
                       {"unsettled", all.unsettled}};
    for (auto& failure : all.failures)
      out["failures"].push_back({{"seed", failure.seed},
                                 {"reason", failure.reason},
                                 {"faults", failure.faults},
                                 {"replay", replay_command(arguments, failure.seed)}});
    std::cout << out.dump(2) << '\n';
  } else {
    for (auto& failure : all.failures)
      std::cout << fmt::format("{} {}: {}\n  replay: {}\n", plugin.name(), plugin.version(),
                               failure.summary(), replay_command(arguments, failure.seed));
    std::cout << fmt::format(
        "{} {}: {} seeds, {} failed; {} operations answered, {} crashes, {:.0f} "
        "protocol calls a second{}\n",
        plugin.name(), plugin.version(), count, all.failures.size(), all.stats.answered,
        all.stats.crashes, rate,
        all.unsettled == 0 ? "" : fmt::format("; {} histories weren't settled", all.unsettled));
  }
  return all.failures.empty() ? exit_ok : exit_failed;
}

int run(const simulate_arguments& arguments) {
  auto plugin = find_plugin(arguments.choice, atl::spi::plugin_kind::consensus);
  if (plugin && (*plugin)->kind() != atl::spi::plugin_kind::consensus)
    plugin = atl::fail(atl::errc::invalid, (*plugin)->title() + " is no consensus plugin");
  auto options = plugin ? make_options(arguments, **plugin)
                        : atl::result<simulation_options>{tl::unexpected{plugin.error()}};
  if (!options) {
    std::cerr << "atoll: " << options.error().message << '\n';
    return exit_usage;
  }
  // Some options contradict each other only in the plugin's eyes.
  atl::spi::consensus_setup probe{options->protocol_options, 1, {1}, 1, 1};
  if (auto made = (*plugin)->create_consensus(probe); !made) {
    std::cerr << "atoll: " << made.error().message << '\n';
    return exit_usage;
  }
  consensus_factory factory = [&](const atl::spi::consensus_setup& setup) {
    return std::unique_ptr<atl::spi::consensus>{(*plugin)->descriptor().create_consensus(setup)};
  };
  tally all;
  auto begin = std::chrono::steady_clock::now();
  run_seeds(arguments, *options, factory, all);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return report(arguments, **plugin, all, took.count());
}

} // namespace

void add_simulate_command(CLI::App& app, int& code) {
  auto arguments = std::make_shared<simulate_arguments>();
  auto* command = app.add_subcommand(
      "simulate",
      "Drive a consensus plugin, the same .so that a cluster loads, through simulated faults.\n"
      "Each seed draws its own mix of them; a failing one is printed with the command that "
      "replays\n"
      "it. Exit codes: 0 no seed failed; 1 one did; 2 it could not be run");
  add_plugin_choice(*command, arguments->choice);
  command->add_option("--seeds", arguments->seeds, "How many")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--first", arguments->first, "The first of them")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  auto* only =
      command->add_option("--seed", arguments->only, "This one alone")->check(CLI::PositiveNumber);
  command->add_flag("--trace", arguments->trace, "Print all that happens, line by line")
      ->needs(only);
  command->add_option("--replicas", arguments->replicas, "Size of the group")
      ->capture_default_str()
      ->check(CLI::Range(1, 9));
  command
      ->add_option("--spares", arguments->spares,
                   "Replicas that may join the group; two by default, if the plugin claims "
                   "changes_members")
      ->check(CLI::Range(0, 9));
  command->add_option("--duration", arguments->duration, "Simulated time under faults, such as 10s")
      ->capture_default_str();
  std::vector<std::string> names{"all", "none"};
  for (auto& [name, member] : fault_names)
    names.push_back(name);
  command->add_option("--faults", arguments->faults, "Which faults a seed may draw")
      ->delimiter(',')
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  command->add_option("--jobs", arguments->jobs, "Threads; as many as there are cores by default");
  command->add_flag("--no-liveness", arguments->no_liveness,
                    "Don't demand that the group answers again once all is healed");
  command->add_flag("--json", arguments->json, "Print JSON, for programs");
  command->callback([arguments, &code] { code = run(*arguments); });
}
