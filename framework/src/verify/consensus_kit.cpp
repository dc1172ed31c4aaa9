#include "hostile_bytes.hpp"
#include "protocol_subject.hpp"
#include "recorder.hpp"
#include "run_scenarios.hpp"

#include <atoll/core/quantity.hpp>
#include <atoll/core/worker_threads.hpp>
#include <atoll/sim/run_arguments.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>

/// What every protocol must hold to (`atoll/spi/consensus.hpp`), and what its claims add: thousands
/// of simulated fault schedules, scripted stories, and hostile bytes.
namespace atl::verify {

namespace {

using sim::simulation_options;
using sim::simulation_report;

/// Runs a simulation under each seed, on some threads. @throws broken with the lowest seed of those
/// that failed
class seed_runner {
 public:
  seed_runner(const protocol_subject& what, recorder& out) : what_{what}, out_{out} {}

  std::uint64_t run(std::uint64_t count, std::uint32_t replicas,
                    const std::function<void(simulation_options&)>& change) {
    std::atomic<std::uint64_t> next{0};
    std::atomic<bool> stop{false};
    auto work = [&] {
      for (auto i = next++; i < count && !stop; i = next++) {
        auto options = what_.simulation(out_.how().first + i, replicas);
        change(options);
        auto report = simulate(options, what_.factory);
        std::lock_guard lock{mutex_};
        add(report);
        if (!report.ok && (!worst_ || report.seed < worst_->seed)) {
          worst_ = std::move(report);
          replay_ = replay(options);
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
      throw broken(
          fmt::format("{} replicas, {}\n  replay: {}", replicas, failed->summary(), replay_));
    return count;
  }

 private:
  /// The command that runs the seed again, with the given options and those that the kit set.
  std::string replay(const simulation_options& options) const {
    auto& words = out_.how().words;
    auto text = fmt::format("atoll simulate {} {}",
                            words.plugin.empty() ? out_.result().plugin : words.plugin,
                            sim::run_arguments(options));
    auto set_by_kit = [&](const std::string& name, const spi::option_value& value) {
      return std::holds_alternative<std::int64_t>(value) &&
             what_.options.values().at(name) != value;
    };
    auto& values = options.protocol_options.values();
    for (auto& given : words.options) {
      auto name = given.substr(0, given.find('='));
      if (auto found = values.find(name); found == values.end() || !set_by_kit(name, found->second))
        text += fmt::format(" --option '{}'", given);
    }
    for (auto& [name, value] : values)
      if (set_by_kit(name, value))
        text += fmt::format(" --option {}={}", name, std::get<std::int64_t>(value));
    return text;
  }

  void add(const simulation_report& report) {
    calls_ += report.stats.calls;
    auto& coverage = out_.result().coverage;
    auto met = [&](const char* name, std::uint64_t times) { coverage[name] += times > 0 ? 1 : 0; };
    met("crashes", report.stats.crashes);
    met("lost messages", report.stats.dropped);
    met("snapshots", report.stats.snapshots);
    met("member changes", report.stats.member_changes);
    met("damaged records", report.stats.damaged);
    met("wiped disks", report.stats.wiped_disks);
    for (auto* name :
         {"duplication", "replay", "partitions", "clogged links", "pauses", "clock jumps", "drift",
          "disk stalls", "failed syncs", "transfers", "unreachable hints", "objections"})
      coverage[name] += report.faults.find(name) != std::string::npos ? 1 : 0;
  }

  const protocol_subject& what_;
  recorder& out_;
  std::mutex mutex_;
  std::optional<simulation_report> worst_;
  std::string replay_; ///< of that one
  std::uint64_t calls_ = 0;
  double seconds_ = 0;
};

sim::fault_set faults_for(const std::string& safe_with_crashes) {
  auto faults = sim::fault_set::all();
  if (safe_with_crashes != "all")
    faults.mass_crashes = false;
  if (safe_with_crashes != "all" && safe_with_crashes != "minority")
    faults.crashes = faults.sync_failures = false;
  return faults;
}

/// Each option of a number that isn't a time, at the least and at the most that it may be.
std::vector<spi::options> at_their_limits(const spi::descriptor& it, const spi::options& defaults) {
  std::vector<spi::options> out;
  for (std::size_t i = 0; i < it.option_count; ++i) {
    auto& option = it.options[i];
    if (option.type != spi::option_type::integer && option.type != spi::option_type::size)
      continue;
    for (auto* limit : {option.minimum, option.maximum})
      if (auto value = parse_size(limit)) {
        auto values = defaults.values();
        values[option.name] = *value;
        out.emplace_back(std::move(values));
      }
  }
  return out;
}

/// Every other seed without spare replicas: where nobody can come or go, all faults meet members,
/// and clients ask nobody else.
void leave_spares_out(simulation_options& run) {
  if (run.seed % 2 == 0)
    run.spares = 0;
}

/// A plugin may refuse options that contradict each other.
bool can_be_made(const spi::descriptor& it, const spi::options& options) {
  try {
    delete it.create_consensus({options, 1, {1, 2, 3}, 1, 1});
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

std::uint64_t repeats_itself(const protocol_subject& what, std::uint64_t first) {
  constexpr std::uint64_t count = 10;
  for (auto seed = first; seed < first + count; ++seed) {
    auto options = what.simulation(seed, 3);
    if (simulate(options, what.factory).hash != simulate(options, what.factory).hash)
      throw broken(fmt::format("seed {}: two runs of one seed differ: it draws numbers, looks at a "
                               "clock or at addresses, or keeps something outside of its objects",
                               seed));
  }
  return count;
}

} // namespace

void verify_consensus(const spi::descriptor& it, const spi::options& options, recorder& out) {
  auto what = make_subject(it, options);
  auto trusts_clocks_with = claim_of(it, "trusts_clocks_with");
  auto all = faults_for(what.safe_with_crashes);
  auto faults = all.as_claimed(trusts_clocks_with, options);
  auto& how = out.how();
  seed_runner seeds{what, out};

  out.check("same seed, same run", "", [&] { return repeats_itself(what, how.first); });
  try_scenarios(it, options, out);
  if (!faults.clock_jumps)
    out.skip("clocks jump ahead", "with '" + trusts_clocks_with + "' on it trusts clocks");
  auto with_faults = [&](simulation_options& run) {
    run.faults = faults;
    leave_spares_out(run);
  };
  out.check("three replicas under simulated faults", "safe_with_crashes",
            [&] { return seeds.run(how.seeds, 3, with_faults); });
  out.check("five replicas under simulated faults", "safe_with_crashes",
            [&] { return seeds.run(std::max<std::uint64_t>(1, how.seeds / 4), 5, with_faults); });
  out.check("a crowd of clients under simulated faults", "", [&] {
    return seeds.run(std::max<std::uint64_t>(1, how.seeds / 20), 3, [&](auto& run) {
      run.faults = faults;
      run.workload.clients = 32;
      run.workload.keys = 16;
      run.workload.think = std::chrono::milliseconds{2};
    });
  });
  out.check("a record of one replica turns unreadable", "", [&] {
    return seeds.run(std::max<std::uint64_t>(1, how.seeds / 2), 3, [&](auto& run) {
      run.faults = faults;
      run.faults.damageable = {2};
      run.spares = 0;
      run.fatal_is_failure = false;
      run.demand_liveness = false;
    });
  });
  if (what.changes_members && faults.crashes)
    out.check("a disk is wiped, and its replica is kept out until another one takes its place",
              "changes_members", [&] {
                return seeds.run(std::max<std::uint64_t>(1, how.seeds / 4), 3, [&](auto& run) {
                  run.faults = faults;
                  run.faults.wiped_disks = true;
                });
              });
  else
    out.skip("wiped disks", "it claims no changes of members, or no safety when replicas crash");
  out.check("options at their limits", "", [&] {
    std::uint64_t cases = 0;
    for (auto& limit : at_their_limits(it, options))
      if (can_be_made(it, limit))
        cases += seeds.run(std::max<std::uint64_t>(1, how.seeds / 20), 3, [&](auto& run) {
          run.faults = all.as_claimed(trusts_clocks_with, limit);
          run.protocol_options = limit;
        });
    return cases;
  });
  try_hostile_bytes(what, out);
}

} // namespace atl::verify
