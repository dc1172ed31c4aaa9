#include "atoll_commands.hpp"
#include "scenario_command.hpp"
#include "simulate_arguments.hpp"

#include <atoll/core/worker_threads.hpp>
#include <atoll/sim/shrink.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace {

using namespace atl::sim;

/// The parsed command line with the loaded plugin.
struct run_setup {
  const simulate_arguments& arguments;
  const atl::plugin& plugin;
  simulation_options options;
  consensus_factory factory;

  std::string title() const { return fmt::format("{} {}", plugin.name(), plugin.version()); }
  std::string replay(const simulation_options& run) const {
    return replay_command(arguments.choice, run);
  }
  std::string replay(const simulation_report& failure) const {
    auto run = options;
    run.seed = failure.seed;
    return replay(run);
  }
};

/// The results of all seeds, collected from all threads.
struct tally {
  std::mutex mutex;
  std::vector<simulation_report> failures;
  simulation_stats stats;
  std::uint64_t seeds = 0;
  std::uint64_t unsettled = 0;
  std::optional<shrunk_run> shrunk;

  void add(simulation_report report) {
    std::lock_guard lock{mutex};
    ++seeds;
    stats.calls += report.stats.calls;
    stats.answered += report.stats.answered;
    stats.crashes += report.stats.crashes;
    stats.committed += report.stats.committed;
    unsettled += report.checked ? 0 : 1;
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
      all.add(simulate(options, setup.factory));
    }
  };
  auto jobs =
      arguments.jobs != 0 ? arguments.jobs : std::max(1u, std::thread::hardware_concurrency());
  atl::run_on_threads(static_cast<unsigned>(std::min<std::uint64_t>(jobs, arguments.seeds)), work);
  std::sort(all.failures.begin(), all.failures.end(),
            [](auto& a, auto& b) { return a.seed < b.seed; });
}

/// Repeats a run whose report is known, and draws it.
int draw(const run_setup& setup, simulation_options options, const simulation_report& report) {
  auto& arguments = setup.arguments;
  auto window = make_window(arguments);
  if (!window) {
    std::cerr << "atoll: " << window.error().message << '\n';
    return exit_usage;
  }
  if (!report.ok)
    window->until = std::min(window->until, report.failed_at);
  diagram picture{*window};
  options.trace = nullptr;
  options.observe = picture.sink();
  simulate(options, setup.factory);
  if (report.kind == violation_kind::not_linearizable) // detected only at the end of a run
    picture.note({.what = run_event_kind::violated, .at = report.failed_at, .text = report.reason});
  std::ofstream out{arguments.diagram, std::ios::binary};
  out << picture.svg({fmt::format("{}, seed {}: {}", setup.title(), options.seed,
                                  report.ok ? "ok" : report.reason),
                      "faults: " + report.faults, setup.replay(options)});
  out.close();
  if (out)
    return exit_ok;
  std::cerr << "atoll: " << arguments.diagram << " can't be written\n";
  return exit_usage;
}

/// Runs one seed, with trace, shrinking and diagram as requested.
int run_one(const run_setup& setup, tally& all) {
  auto& arguments = setup.arguments;
  auto options = setup.options;
  if (arguments.trace && !arguments.shrink)
    options.trace = [](std::string_view line) { std::cout << line << '\n'; };
  auto report = simulate(options, setup.factory);
  all.add(report);
  if (arguments.shrink && !report.ok) {
    all.shrunk = shrink(options, setup.factory, arguments.shrink_runs);
    options = all.shrunk->options;
    report = all.shrunk->report;
    if (arguments.trace) {
      options.trace = [](std::string_view line) { std::cout << line << '\n'; };
      simulate(options, setup.factory);
    }
  }
  return arguments.diagram.empty() ? exit_ok : draw(setup, options, report);
}

nlohmann::json to_json(const run_setup& setup, const shrunk_run& it) {
  nlohmann::json out{{"reason", it.report.reason},        {"runs", it.runs},
                     {"finished", it.finished},           {"faults_before", it.faults_before},
                     {"faults", nlohmann::json::array()}, {"replay", setup.replay(it.options)}};
  for (auto& fault : it.report.acted)
    out["faults"].push_back(
        {{"at_us", fault.at}, {"name", format_faults({fault.id})}, {"what", describe(fault.id)}});
  return out;
}

std::string to_text(const run_setup& setup, const shrunk_run& it) {
  auto out = fmt::format("shrunk in {} runs{}, from {} faults to {}\n  {}\n", it.runs,
                         it.finished ? "" : ", the most that were allowed", it.faults_before,
                         it.report.acted.size(), it.report.reason);
  for (auto& fault : it.report.acted)
    out += fmt::format("  {:10.6f} s  {:<22} {}\n", static_cast<double>(fault.at) / 1e6,
                       format_faults({fault.id}), describe(fault.id));
  return out + fmt::format("  replay: {}\n", setup.replay(it.options));
}

void print_json(const run_setup& setup, const tally& all, double rate) {
  nlohmann::json out{{"plugin", setup.plugin.name()},
                     {"version", setup.plugin.version()},
                     {"seeds", all.seeds},
                     {"failed", all.failures.size()},
                     {"calls", all.stats.calls},
                     {"calls_per_second", rate},
                     {"answered", all.stats.answered},
                     {"crashes", all.stats.crashes},
                     {"unsettled", all.unsettled}};
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
    std::cout << fmt::format("{}: {}\n  replay: {} --trace\n", setup.title(), failure.summary(),
                             setup.replay(failure));
  if (all.shrunk)
    std::cout << to_text(setup, *all.shrunk);
  else if (!all.failures.empty())
    std::cout << "with --shrink a replay looks for a smaller run that fails alike; with --diagram "
                 "FILE.svg it draws it\n";
  std::cout << fmt::format(
      "{}: {} seeds, {} failed; {} operations answered, {} crashes, {:.0f} protocol calls a "
      "second{}\n",
      setup.title(), all.seeds, all.failures.size(), all.stats.answered, all.stats.crashes, rate,
      all.unsettled == 0 ? "" : fmt::format("; {} histories weren't settled", all.unsettled));
}

int run(const simulate_arguments& arguments) {
  if (arguments.scenario == "list")
    return list_scenarios(arguments);
  if (arguments.scenario.empty() && arguments.only_seed == 0 &&
      (arguments.trace || !arguments.diagram.empty())) {
    std::cerr << "atoll: --trace and --diagram show one run: name it by --seed or --scenario\n";
    return exit_usage;
  }
  auto plugin = find_plugin(arguments.choice, atl::spi::plugin_kind::consensus);
  if (plugin && (*plugin)->kind() != atl::spi::plugin_kind::consensus)
    plugin = atl::fail(atl::errc::invalid, (*plugin)->title() + " is no consensus plugin");
  auto options = plugin ? make_options(arguments, **plugin)
                        : atl::result<simulation_options>{tl::unexpected{plugin.error()}};
  if (!options) {
    std::cerr << "atoll: " << options.error().message << '\n';
    return exit_usage;
  }
  // Only the plugin itself can detect that some options contradict each other.
  atl::spi::consensus_setup probe{options->protocol_options, 1, {}, 1, 1};
  for (atl::spi::replica_id id = 1; id <= options->replicas; ++id)
    probe.voters.push_back(id);
  if (auto made = (*plugin)->create_consensus(probe); !made) {
    std::cerr << "atoll: " << made.error().message << '\n';
    return exit_usage;
  }
  if (!arguments.scenario.empty())
    return run_named_scenario(arguments, **plugin, options->protocol_options);
  run_setup setup{arguments, **plugin, std::move(*options),
                  [&](const atl::spi::consensus_setup& replica) {
                    return std::unique_ptr<atl::spi::consensus>{
                        (*plugin)->descriptor().create.consensus(replica)};
                  }};
  tally all;
  auto begin = std::chrono::steady_clock::now();
  auto code = exit_ok + 0;
  if (arguments.only_seed != 0)
    code = run_one(setup, all);
  else
    run_seeds(setup, all);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  auto rate = took.count() > 0 ? static_cast<double>(all.stats.calls) / took.count() : 0;
  if (arguments.json)
    print_json(setup, all, rate);
  else
    print_text(setup, all, rate);
  return code != exit_ok ? code : all.failures.empty() ? exit_ok : exit_failed;
}

} // namespace

void add_simulate_command(CLI::App& app, int& code) {
  auto arguments = std::make_shared<simulate_arguments>();
  auto* command = app.add_subcommand(
      "simulate",
      "Drive a consensus plugin, the same .so that a cluster loads, through simulated faults.\n"
      "Each seed draws its own mix of them; a failing one is printed with the command that "
      "replays\n"
      "it. 'simulate storage' does the same to what keeps data alive: it drives the keeper, a\n"
      "recovery scheme and a balancer");
  add_simulate_options(*command, *arguments);
  command->get_option("plugin")->required(false); // 'storage' has none
  add_simulate_storage_command(*command, code);
  command->callback([arguments, command, &code] {
    if (!command->get_subcommands().empty())
      return;
    if (arguments->choice.name.empty())
      throw CLI::RequiredError("plugin");
    arguments->replicas_given = command->count("--replicas") > 0;
    code = run(*arguments);
  });
}
