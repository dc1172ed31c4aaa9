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

/// What the command line is about, once it is understood.
struct subject {
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

/// What seeds came to, from all threads.
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

void run_seeds(const subject& what, tally& all) {
  auto& arguments = what.arguments;
  std::atomic<std::uint64_t> next{0};
  auto work = [&] {
    for (auto i = next++; i < arguments.seeds; i = next++) {
      auto mine = what.options;
      mine.seed = arguments.first + i;
      all.add(simulate(mine, what.factory));
    }
  };
  auto jobs =
      arguments.jobs != 0 ? arguments.jobs : std::max(1u, std::thread::hardware_concurrency());
  atl::run_on_threads(static_cast<unsigned>(std::min<std::uint64_t>(jobs, arguments.seeds)), work);
  std::sort(all.failures.begin(), all.failures.end(),
            [](auto& a, auto& b) { return a.seed < b.seed; });
}

/// Draws a run again, of which the report is known.
int draw(const subject& what, simulation_options options, const simulation_report& report) {
  auto& arguments = what.arguments;
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
  simulate(options, what.factory);
  if (report.kind == violation_kind::not_linearizable) // seen by nobody before the end
    picture.note({.what = run_event_kind::violated, .at = report.failed_at, .text = report.reason});
  std::ofstream out{arguments.diagram, std::ios::binary};
  out << picture.svg(
      {fmt::format("{}, seed {}: {}", what.title(), options.seed, report.ok ? "ok" : report.reason),
       "faults: " + report.faults, what.replay(options)});
  out.close();
  if (out)
    return exit_ok;
  std::cerr << "atoll: " << arguments.diagram << " can't be written\n";
  return exit_usage;
}

/// One seed, with all that is wanted of it.
int run_one(const subject& what, tally& all) {
  auto& arguments = what.arguments;
  auto options = what.options;
  if (arguments.trace && !arguments.shrink)
    options.trace = [](std::string_view line) { std::cout << line << '\n'; };
  auto report = simulate(options, what.factory);
  all.add(report);
  if (arguments.shrink && !report.ok) {
    all.shrunk = shrink(options, what.factory, arguments.shrink_runs);
    options = all.shrunk->options;
    report = all.shrunk->report;
    if (arguments.trace) {
      options.trace = [](std::string_view line) { std::cout << line << '\n'; };
      simulate(options, what.factory);
    }
  }
  return arguments.diagram.empty() ? exit_ok : draw(what, options, report);
}

nlohmann::json to_json(const subject& what, const shrunk_run& it) {
  nlohmann::json out{{"reason", it.report.reason},        {"runs", it.runs},
                     {"finished", it.finished},           {"faults_before", it.faults_before},
                     {"faults", nlohmann::json::array()}, {"replay", what.replay(it.options)}};
  for (auto& fault : it.report.acted)
    out["faults"].push_back(
        {{"at_us", fault.at}, {"name", format_faults({fault.id})}, {"what", describe(fault.id)}});
  return out;
}

std::string to_text(const subject& what, const shrunk_run& it) {
  auto out = fmt::format("shrunk in {} runs{}, from {} faults to {}\n  {}\n", it.runs,
                         it.finished ? "" : ", the most that were allowed", it.faults_before,
                         it.report.acted.size(), it.report.reason);
  for (auto& fault : it.report.acted)
    out += fmt::format("  {:10.6f} s  {:<22} {}\n", static_cast<double>(fault.at) / 1e6,
                       format_faults({fault.id}), describe(fault.id));
  return out + fmt::format("  replay: {}\n", what.replay(it.options));
}

void print_json(const subject& what, const tally& all, double rate) {
  nlohmann::json out{{"plugin", what.plugin.name()},
                     {"version", what.plugin.version()},
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
                               {"replay", what.replay(failure)}});
  if (all.shrunk)
    out["shrunk"] = to_json(what, *all.shrunk);
  std::cout << out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void print_text(const subject& what, const tally& all, double rate) {
  for (auto& failure : all.failures)
    std::cout << fmt::format("{}: {}\n  replay: {} --trace\n", what.title(), failure.summary(),
                             what.replay(failure));
  if (all.shrunk)
    std::cout << to_text(what, *all.shrunk);
  else if (!all.failures.empty())
    std::cout << "with --shrink a replay looks for a smaller run that fails alike; with --diagram "
                 "FILE.svg it draws it\n";
  std::cout << fmt::format(
      "{}: {} seeds, {} failed; {} operations answered, {} crashes, {:.0f} protocol calls a "
      "second{}\n",
      what.title(), all.seeds, all.failures.size(), all.stats.answered, all.stats.crashes, rate,
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
  // Some options contradict each other only in the plugin's eyes.
  atl::spi::consensus_setup probe{options->protocol_options, 1, {}, 1, 1};
  for (atl::spi::replica_id id = 1; id <= options->replicas; ++id)
    probe.voters.push_back(id);
  if (auto made = (*plugin)->create_consensus(probe); !made) {
    std::cerr << "atoll: " << made.error().message << '\n';
    return exit_usage;
  }
  if (!arguments.scenario.empty())
    return run_named_scenario(arguments, **plugin, options->protocol_options);
  subject what{arguments, **plugin, std::move(*options),
               [&](const atl::spi::consensus_setup& setup) {
                 return std::unique_ptr<atl::spi::consensus>{
                     (*plugin)->descriptor().create.consensus(setup)};
               }};
  tally all;
  auto begin = std::chrono::steady_clock::now();
  auto code = exit_ok + 0;
  if (arguments.only_seed != 0)
    code = run_one(what, all);
  else
    run_seeds(what, all);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  auto rate = took.count() > 0 ? static_cast<double>(all.stats.calls) / took.count() : 0;
  if (arguments.json)
    print_json(what, all, rate);
  else
    print_text(what, all, rate);
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
      "it");
  add_simulate_options(*command, *arguments);
  command->callback([arguments, command, &code] {
    arguments->replicas_given = command->count("--replicas") > 0;
    code = run(*arguments);
  });
}
