#include "seed_runner.hpp"

#include <atoll/core/worker_threads.hpp>
#include <atoll/sim/claimed_run.hpp>
#include <atoll/sim/run_arguments.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <utility>

namespace atl::verify {

namespace {

using sim::simulation_options;
using sim::simulation_report;

/// The names of KEY=VALUE texts.
std::set<std::string, std::less<>> names_of(const std::vector<std::string>& assignments) {
  std::set<std::string, std::less<>> out;
  for (auto& text : assignments)
    out.insert(text.substr(0, text.find('=')));
  return out;
}

} // namespace

seed_runner::seed_runner(const spi::descriptor& plugin, const tested_protocol& protocol,
                         recorder& out)
    : plugin_{plugin}, protocol_{protocol}, out_{out}, drawer_{plugin, protocol.options,
                                                               names_of(out.how().words.options)} {}

simulation_options seed_runner::options_for(std::uint64_t seed, const shape& make) const {
  auto run = protocol_.simulation(seed, protocol_.usual_size());
  make(run);
  // Seeded differently from the run itself, so that each mix of faults is combined with drawn
  // options, too.
  spi::random_source random{~seed};
  if (random.chance(0.5) && run.protocol_options == protocol_.options)
    run.protocol_options = drawer_.draw(run.replicas, random);
  sim::keep_to_claims(run, plugin_);
  return run;
}

std::uint64_t seed_runner::run(std::uint64_t count, const shape& make) {
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> stop{false};
  auto work = [&] {
    for (auto i = next++; i < count && !stop; i = next++) {
      auto options = options_for(out_.how().first + i, make);
      auto report = simulate(options, protocol_.factory);
      std::lock_guard lock{mutex_};
      add(report);
      if (!report.ok && (!worst_ || report.seed < worst_->seed)) {
        worst_ = std::move(report);
        worst_options_ = std::move(options);
        stop = true;
      }
    }
  };
  auto began = std::chrono::steady_clock::now();
  run_on_threads(static_cast<unsigned>(std::min<std::uint64_t>(out_.how().jobs, count)), work);
  seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (seconds_ > 0)
    out_.result().events_per_second = static_cast<double>(calls_) / seconds_;
  if (auto failed = std::exchange(worst_, std::nullopt))
    throw broken(fmt::format("{} replicas, {}\n  replay: {}", worst_options_.replicas,
                             failed->summary(), replay(worst_options_)));
  return count;
}

/// The command that runs the seed again.
std::string seed_runner::replay(const simulation_options& options) const {
  auto& words = out_.how().words;
  return fmt::format("atoll simulate {} {}{}",
                     words.plugin.empty() ? out_.result().plugin : words.plugin,
                     sim::run_arguments(options), option_words(plugin_, options.protocol_options));
}

void seed_runner::add(const simulation_report& report) {
  calls_ += report.stats.calls;
  auto& coverage = out_.result().coverage;
  auto met = [&](const char* name, std::uint64_t times) { coverage[name] += times > 0 ? 1 : 0; };
  out_.note_run();
  met("crashes", report.stats.crashes);
  met("lost messages", report.stats.dropped);
  met("snapshots", report.stats.snapshots);
  met("member changes", report.stats.member_changes);
  met("damaged records", report.stats.damaged);
  met("wiped disks", report.stats.wiped_disks);
  met("lost states", report.stats.lost_states);
  for (auto* name :
       {"duplication", "replay", "partitions", "clogged links", "pauses", "clock jumps", "drift",
        "disk stalls", "failed syncs", "transfers", "unreachable hints", "objections"})
    coverage[name] += report.faults.find(name) != std::string::npos ? 1 : 0;
}

} // namespace atl::verify
