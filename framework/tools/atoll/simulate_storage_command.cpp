#include "atoll_commands.hpp"
#include "simulate_storage_arguments.hpp"

#include <atoll/core/worker_threads.hpp>
#include <atoll/sim/storage_shrink.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace {

using namespace atl::sim;

/// The parsed command line with the loaded plugins.
struct run_setup {
  const simulate_storage_arguments& arguments;
  std::string title;
  storage_simulation_options options;

  std::string replay(const storage_simulation_options& run) const {
    return replay_command(arguments, run);
  }
  std::string replay(const storage_report& failure) const {
    auto run = options;
    run.seed = failure.seed;
    return replay(run);
  }
};

/// The results of all seeds, collected from all threads.
struct tally {
  std::mutex mutex;
  std::vector<storage_report> failures;
  storage_stats stats;
  std::uint64_t seeds = 0;
  std::optional<shrunk_storage_run> shrunk;

  void add(storage_report report) {
    std::lock_guard lock{mutex};
    ++seeds;
    stats.events += report.stats.events;
    stats.copies += report.stats.copies;
    stats.removals += report.stats.removals;
    stats.relocations += report.stats.relocations;
    stats.fragments_lost += report.stats.fragments_lost;
    stats.units_lost += report.stats.units_lost;
    if (!report.ok)
      failures.push_back(std::move(report));
  }
};

void run_seeds(const run_setup& setup, tally& all) {
  auto& arguments = setup.arguments;
  std::atomic<std::uint64_t> next{0};
  auto work = [&] {
    for (auto i = next++; i < arguments.seeds; i = next++) {
      auto options = setup.options;
      options.seed = arguments.first + i;
      all.add(simulate_storage(options));
    }
  };
  auto jobs =
      arguments.jobs != 0 ? arguments.jobs : std::max(1u, std::thread::hardware_concurrency());
  atl::run_on_threads(static_cast<unsigned>(std::min<std::uint64_t>(jobs, arguments.seeds)), work);
  std::sort(all.failures.begin(), all.failures.end(),
            [](auto& a, auto& b) { return a.seed < b.seed; });
}

/// Runs one seed, with trace and shrinking as requested.
void run_one(const run_setup& setup, tally& all) {
  auto& arguments = setup.arguments;
  auto options = setup.options;
  auto print = [](std::string_view line) { std::cout << line << '\n'; };
  if (arguments.trace && !arguments.shrink)
    options.trace = print;
  auto report = simulate_storage(options);
  all.add(report);
  if (!arguments.shrink || report.ok)
    return;
  all.shrunk = shrink(options, arguments.shrink_runs);
  if (arguments.trace) {
    auto smallest = all.shrunk->options;
    smallest.trace = print;
    simulate_storage(smallest);
  }
}

nlohmann::json to_json(const run_setup& setup, const shrunk_storage_run& it) {
  nlohmann::json out{{"reason", it.report.reason},        {"runs", it.runs},
                     {"finished", it.finished},           {"faults_before", it.faults_before},
                     {"faults", nlohmann::json::array()}, {"replay", setup.replay(it.options)}};
  for (auto& fault : it.report.acted)
    out["faults"].push_back(
        {{"at_us", fault.at}, {"name", format_faults({fault.id})}, {"what", describe(fault.id)}});
  return out;
}

std::string to_text(const run_setup& setup, const shrunk_storage_run& it) {
  auto out = fmt::format("shrunk in {} runs{}, from {} faults to {}\n  {}\n", it.runs,
                         it.finished ? "" : ", the most that were allowed", it.faults_before,
                         it.report.acted.size(), it.report.reason);
  for (auto& fault : it.report.acted)
    out += fmt::format("  {:10.6f} s  {:<22} {}\n", static_cast<double>(fault.at) / 1e6,
                       format_faults({fault.id}), describe(fault.id));
  return out + fmt::format("  replay: {}\n", setup.replay(it.options));
}

void print_json(const run_setup& setup, const tally& all, double rate) {
  nlohmann::json out{{"recovery", setup.arguments.recovery.name},
                     {"balancer", setup.arguments.balancer.name},
                     {"seeds", all.seeds},
                     {"failed", all.failures.size()},
                     {"events", all.stats.events},
                     {"events_per_second", rate},
                     {"copies", all.stats.copies},
                     {"removals", all.stats.removals},
                     {"relocations", all.stats.relocations},
                     {"fragments_lost", all.stats.fragments_lost},
                     {"units_lost", all.stats.units_lost}};
  for (auto& failure : all.failures)
    out["failures"].push_back({{"seed", failure.seed},
                               {"kind", name_of(failure.kind)},
                               {"at_us", failure.failed_at},
                               {"reason", failure.reason},
                               {"faults", failure.faults},
                               {"acted", failure.acted.size()},
                               {"replay", setup.replay(failure)}});
  if (all.shrunk)
    out["shrunk"] = to_json(setup, *all.shrunk);
  std::cout << out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void print_text(const run_setup& setup, const tally& all, double rate) {
  for (auto& failure : all.failures)
    std::cout << fmt::format("{}: {}\n  replay: {} --trace\n", setup.title, failure.summary(),
                             setup.replay(failure));
  if (all.shrunk)
    std::cout << to_text(setup, *all.shrunk);
  else if (!all.failures.empty())
    std::cout << "with --shrink a replay looks for a smaller run that fails alike\n";
  std::cout << fmt::format("{}: {} seeds, {} failed; {} fragments lost, {} copied, {} moved, {} "
                           "removed; {:.0f} events a second\n",
                           setup.title, all.seeds, all.failures.size(), all.stats.fragments_lost,
                           all.stats.copies, all.stats.relocations, all.stats.removals, rate);
}

/// A plugin with the options that the command line gives it.
struct chosen_plugin {
  std::shared_ptr<const atl::plugin> plugin;
  std::shared_ptr<const atl::spi::options> options;
};

atl::result<chosen_plugin> choose(const plugin_choice& choice, atl::spi::plugin_kind kind) {
  auto plugin = find_plugin(choice, kind);
  if (!plugin)
    return tl::unexpected{plugin.error()};
  if ((*plugin)->kind() != kind)
    return atl::fail(
        atl::errc::invalid,
        fmt::format("{} is no {} plugin", (*plugin)->title(),
                    kind == atl::spi::plugin_kind::recovery ? "recovery" : "balancer"));
  auto options = chosen_options(**plugin, choice.options);
  if (!options)
    return tl::unexpected{options.error()};
  return chosen_plugin{*plugin, std::make_shared<const atl::spi::options>(std::move(*options))};
}

int run(const simulate_storage_arguments& arguments) {
  auto refuse = [](const std::string& why) {
    std::cerr << "atoll: " << why << '\n';
    return exit_usage;
  };
  auto options = make_options(arguments);
  if (!options)
    return refuse(options.error().message);
  auto balancer_choice = arguments.balancer;
  balancer_choice.folders = arguments.recovery.folders;
  auto recovery = choose(arguments.recovery, atl::spi::plugin_kind::recovery);
  auto balancer = choose(balancer_choice, atl::spi::plugin_kind::balancer);
  if (!recovery || !balancer)
    return refuse((recovery ? balancer.error() : recovery.error()).message);
  options->plugins.recovery = [&recovery] {
    return std::unique_ptr<atl::spi::recovery>{
        recovery->plugin->descriptor().create.recovery({*recovery->options})};
  };
  options->plugins.balancer = [&balancer](std::uint64_t seed) {
    return std::unique_ptr<atl::spi::balancer>{
        balancer->plugin->descriptor().create.balancer({*balancer->options, seed})};
  };
  run_setup setup{arguments,
                  fmt::format("{} with {}", recovery->plugin->name(), balancer->plugin->name()),
                  std::move(*options)};
  tally all;
  auto begin = std::chrono::steady_clock::now();
  try {
    if (arguments.only_seed != 0)
      run_one(setup, all);
    else
      run_seeds(setup, all);
  } catch (const std::invalid_argument& problem) {
    // Only the plugins and the simulation can tell that options contradict each other.
    return refuse(problem.what());
  }
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  auto rate = took.count() > 0 ? static_cast<double>(all.stats.events) / took.count() : 0;
  if (arguments.json)
    print_json(setup, all, rate);
  else
    print_text(setup, all, rate);
  return all.failures.empty() ? exit_ok : exit_failed;
}

} // namespace

void add_simulate_storage_command(CLI::App& simulate, int& code) {
  auto arguments = std::make_shared<simulate_storage_arguments>();
  auto* command = simulate.add_subcommand(
      "storage",
      "Drive the keeper, which repairs, audits and moves what storage nodes hold, with a recovery\n"
      "scheme and a balancer through simulated faults of nodes, disks, messages and leaders.\n"
      "Each seed draws its own mix of them; a failing one is printed with the command that\n"
      "replays it");
  add_simulate_storage_options(*command, *arguments);
  command->callback([arguments, &code] { code = run(*arguments); });
}
