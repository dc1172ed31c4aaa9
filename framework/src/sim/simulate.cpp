#include "admin.hpp"
#include "chaos.hpp"
#include "clients.hpp"
#include "engine.hpp"

#include <atoll/sim/history_window.hpp>
#include <atoll/sim/linearizability.hpp>
#include <atoll/sim/simulation.hpp>

#include <algorithm>
#include <array>

namespace atl::sim {

namespace {

/// Answers that each client must get once all is healed.
constexpr std::uint32_t answers_wanted = 5;

std::string states(engine& world) {
  std::string out;
  for (spi::replica_id id = 1; id <= world.replicas(); ++id) {
    auto& it = world.at(id);
    if (!it.up()) {
      out += it.kept_out() ? fmt::format("; replica {} is kept out: {}", id, it.kept_out_because())
                           : fmt::format("; replica {} is down {}", id, it.fatal_reason());
      continue;
    }
    auto status = it.protocol().status();
    out += fmt::format("; replica {} decided {} applied {}{}{}", id, status.decided,
                       it.machine().position(),
                       status.blocked.empty() ? "" : ", blocked: ", status.blocked);
  }
  return out;
}

/// Voters and learners, as those know that have applied everything.
std::vector<spi::replica_id> members(engine& world) {
  auto group = world.birth_voters();
  for (spi::replica_id id = 1; id <= world.replicas(); ++id) {
    auto& it = world.at(id);
    if (!it.up() || it.machine().position() != world.facts().last())
      continue;
    group = it.members().voters;
    group.insert(group.end(), it.members().learners.begin(), it.members().learners.end());
  }
  return group;
}

template <class Done>
bool await(engine& world, std::int64_t until, Done done) {
  while (world.facts().ok() && !done()) {
    if (world.now() >= until)
      return false;
    if (!world.step())
      return false;
  }
  return world.facts().ok();
}

void demand_liveness(engine& world, clients& them) {
  auto bound = world.options().liveness_bound.count();
  them.count_anew();
  auto answered =
      await(world, world.now() + bound, [&] { return them.each_was_answered(answers_wanted); });
  if (!answered)
    world.violate(violation_kind::not_live,
                  fmt::format("all is healed, and within {} ms not every client got {} answers{}",
                              bound / 1000, answers_wanted, states(world)));
}

void demand_agreement(engine& world) {
  auto bound = world.options().liveness_bound.count();
  auto agree = [&world] {
    auto group = members(world);
    return std::all_of(group.begin(), group.end(), [&](auto id) {
      return world.at(id).up() && world.at(id).machine().position() == world.facts().last();
    });
  };
  if (!await(world, world.now() + bound, agree))
    world.violate(violation_kind::not_live,
                  fmt::format("all is healed, and within {} ms not every replica applied {}{}",
                              bound / 1000, world.facts().last(), states(world)));
}

/// The operations that show by themselves why no order explains a key.
void trace_window(const simulation_options& options, const history& seen, std::uint64_t key) {
  auto window = find_window(seen, key, {.steps_per_key = options.linearizability_steps});
  options.trace(fmt::format("no order explains what key {} did from {:.6f} to {:.6f}, whatever it "
                            "held before (clients are sessions, times are microseconds):",
                            key, static_cast<double>(window.first) / 1e6,
                            static_cast<double>(window.last) / 1e6));
  for (auto& it : window.operations)
    options.trace("  " + to_string(it));
}

/// Whether it says only that the plugin noticed something, and not which promise is broken.
bool is_a_plugins_own(violation_kind kind) {
  return kind == violation_kind::threw || kind == violation_kind::stopped_itself;
}

/// A broken promise comes before what the plugin itself says of it.
void check_history(const simulation_options& options, const clients& them,
                   simulation_report& report) {
  auto checked = check_linearizable(them.seen(), {.steps_per_key = options.linearizability_steps});
  report.checked = checked.what != verdict::gave_up;
  if (checked.what == verdict::not_linearizable && (report.ok || is_a_plugins_own(report.kind))) {
    auto besides = report.ok ? std::string{} : "; besides, " + report.reason;
    report.ok = false;
    report.kind = violation_kind::not_linearizable;
    report.failed_at = checked.stuck.outcome == operation_outcome::ok ? checked.stuck.returned
                                                                      : checked.stuck.invoked;
    report.reason = "the history is not linearizable: " + checked.reason + besides;
    if (options.trace)
      trace_window(options, them.seen(), checked.key);
  }
}

} // namespace

fault_mix drawn_mix(const simulation_options& options) {
  spi::random_source draw{options.seed};
  auto mix = fault_mix::draw(options.faults, draw);
  mix.remove(options.choice.without);
  mix.wiped_disks = mix.wiped_disks && options.spares > 0;
  return mix;
}

simulation_report simulate(const simulation_options& options, const consensus_factory& factory) {
  auto mix = drawn_mix(options);
  simulation_report report;
  report.seed = options.seed;
  report.faults = mix.describe();

  engine world{options, factory, mix};
  clients them{world};
  chaos troubles{world};
  admin changes{world};
  world.run_until(options.duration.count());
  troubles.stop();
  changes.stop();
  world.heal();
  if (options.demand_liveness)
    demand_liveness(world, them);
  them.stop();
  if (options.demand_liveness)
    demand_agreement(world);

  report.ok = world.facts().ok();
  report.kind = world.facts().kind();
  report.failed_at = world.now();
  report.reason = world.facts().violation();
  report.hash = world.hash();
  report.stats = world.stats();
  report.stats.decided = world.facts().last();
  report.acted = world.acted();
  check_history(options, them, report);
  report.operations = them.seen();
  return report;
}

std::string_view name_of(violation_kind kind) {
  constexpr std::array<std::string_view, 12> names{"none",
                                                   "divergence",
                                                   "refused_yet_decided",
                                                   "decided_twice",
                                                   "term_went_back",
                                                   "two_leaders",
                                                   "interface_broken",
                                                   "threw",
                                                   "unbounded",
                                                   "stopped_itself",
                                                   "not_live",
                                                   "not_linearizable"};
  return names[static_cast<std::size_t>(kind)];
}

std::string simulation_report::summary() const {
  return fmt::format(
      "seed {}: {}\n  faults: {}; {} acted\n  {} positions, {} answered, {} failed, {} unknown, "
      "{} crashes, {} messages, hash {:016x}",
      seed, ok ? "ok" : reason, faults, acted.size(), stats.decided, stats.answered, stats.failed,
      stats.unknown, stats.crashes, stats.messages, hash);
}

} // namespace atl::sim
