#include "keeper_hosts.hpp"
#include "storage_checker.hpp"
#include "storage_clients.hpp"
#include "storage_fault_injector.hpp"
#include "storage_node.hpp"
#include "storage_world.hpp"

#include <atoll/sim/storage_simulation.hpp>

#include <algorithm>
#include <array>

namespace atl::sim {

namespace {

constexpr std::int64_t second = 1'000'000;
/// After which a keeper has given up an order or query that was lost before all was healed.
constexpr std::int64_t order_timeouts_us = 150 * second;
constexpr std::uint32_t doublings_max = 8;

/// How long a keeper may take until a node that is gone counts as lost.
std::int64_t death_takes(storage_world& world) {
  std::int64_t longest = 0;
  for (keep::node_id id = 1; id <= world.node_count(); ++id)
    if (world.node(id).is_gone() && world.state().may_hold_fragments(id)) {
      auto doublings = std::min(world.checker().returns_of(id), doublings_max);
      longest = std::max(longest, world.parameters().settings.dead_after.count() << doublings);
    }
  return longest;
}

/// How long the copies take at the rates that the settings allow, and half as long again.
std::int64_t copies_take(storage_world& world) {
  auto& settings = world.parameters().settings;
  auto rate = world.parameters().node_bytes_a_second;
  if (settings.repair_rate != 0)
    rate = std::min(rate, settings.repair_rate);
  if (settings.node_rate != 0)
    rate = std::min(rate, settings.node_rate);
  auto bytes = static_cast<double>(world.checker().bytes_to_copy());
  return static_cast<std::int64_t>(bytes * 1.5e6 / static_cast<double>(rate));
}

/// How long rebalancing takes, in several walks over the overfull nodes.
std::int64_t rebalancing_takes(storage_world& world) {
  auto& settings = world.parameters().settings;
  if (settings.rebalance_threshold <= 0)
    return 0;
  auto rate = world.parameters().node_bytes_a_second;
  for (auto bound : {settings.repair_rate, settings.node_rate, settings.rebalance_rate})
    rate = bound == 0 ? rate : std::min(rate, bound);
  // Repairs and drains may make further nodes overfull.
  auto bytes = static_cast<double>(world.checker().bytes_over() + world.checker().bytes_to_copy());
  constexpr int walks = 4;
  return static_cast<std::int64_t>(bytes * 3e6 / static_cast<double>(rate)) +
         walks * (settings.grace + 2 * settings.audit_pause).count();
}

/// How long three rounds of audits over all nodes take: a keeper audits a few nodes at a time, and
/// each of their lists takes some messages and queries.
std::int64_t audits_take(storage_world& world) {
  constexpr std::uint64_t nodes_at_a_time = 4;
  constexpr std::int64_t keeper_tick_us = 100'000;
  auto& parameters = world.parameters();
  std::uint64_t lists = 0;
  for (keep::node_id id = 1; id <= world.node_count(); ++id)
    lists += world.node(id).copies().size() / parameters.slice_fragments + 1;
  auto list_takes = keeper_tick_us + 2 * (parameters.delay_min_us + parameters.delay_jitter_us) +
                    6 * parameters.query_us_max;
  return 3 * static_cast<std::int64_t>(lists / nodes_at_a_time + 1) * list_takes;
}

/// How long it takes until damage, losses and leftovers are noticed, at most.
std::int64_t detection_takes(storage_world& world) {
  auto& parameters = world.parameters();
  return order_timeouts_us + audits_take(world) + parameters.scrub_period_us +
         parameters.upload_window_us + 3 * parameters.settings.audit_period.count() +
         2 * parameters.settings.grace.count();
}

void demand_convergence(storage_world& world) {
  auto healed_at = world.now();
  // Uploads that were under way end.
  world.run_until(healed_at + second);
  auto bound =
      death_takes(world) + copies_take(world) + rebalancing_takes(world) + detection_takes(world);
  std::string disorder;
  while (world.ok()) {
    disorder = world.checker().disorder();
    world.stats().converged_after_us = world.now() - healed_at;
    if (disorder.empty())
      return;
    if (world.now() > healed_at + bound)
      break;
    world.run_until(world.now() + second / 2);
  }
  if (world.ok())
    world.violate(storage_violation::not_converged,
                  fmt::format("all was healed {} s ago, and {}{}; {} s should do",
                              (world.now() - healed_at) / second, disorder,
                              world.checker().describe_surplus(), bound / second));
}

} // namespace

std::string_view name_of(storage_violation kind) {
  constexpr std::array<std::string_view, 22> names{"none",
                                                   "unit_lost",
                                                   "wanted_removed",
                                                   "young_removed",
                                                   "removed_too_soon",
                                                   "relocated_to_nothing",
                                                   "needless_move",
                                                   "moved_uphill",
                                                   "stacked",
                                                   "zone_crowded",
                                                   "doubled_task",
                                                   "rate_exceeded",
                                                   "too_many_streams",
                                                   "copied_onto_removal",
                                                   "damage_spread",
                                                   "dead_too_soon",
                                                   "flapping_storm",
                                                   "verified_for_nothing",
                                                   "endangered_waited",
                                                   "not_converged",
                                                   "interface_broken",
                                                   "threw"};
  return names[static_cast<std::size_t>(kind)];
}

storage_fault_rates drawn_rates(const storage_simulation_options& options) {
  spi::random_source draw{options.seed};
  auto rates = storage_fault_rates::draw(options.faults, draw);
  rates.remove(options.choice.without);
  return rates;
}

storage_report simulate_storage(const storage_simulation_options& options) {
  auto rates = drawn_rates(options);
  storage_report report;
  report.seed = options.seed;
  report.faults = rates.describe();

  storage_world world{options, rates};
  world.found_units();
  world.hosts().start();
  for (auto at : world.parameters().joins_at)
    world.at_time(at, [&world] { world.add_node(world.node_count() % world.parameters().zones); });
  storage_clients clients{world};
  storage_fault_injector injector{world};
  world.run_until(options.duration.count());
  injector.stop();
  clients.stop();
  world.heal();
  if (options.demand_convergence && world.ok())
    demand_convergence(world);

  report.ok = world.ok();
  report.kind = world.violation();
  report.failed_at = world.now();
  report.reason = world.reason();
  report.hash = world.hash();
  report.stats = world.stats();
  report.acted = world.acted();
  return report;
}

std::string storage_report::summary() const {
  return fmt::format("seed {}: {}\n  faults: {}; {} acted\n  {} puts, {} reads, {} copies, {} "
                     "verifications, {} removals, {} relocations, {} fragments lost, {} units lost "
                     "beyond the promise, {} terms, hash {:016x}",
                     seed, ok ? "ok" : fmt::format("{}: {}", name_of(kind), reason), faults,
                     acted.size(), stats.puts, stats.reads, stats.copies, stats.verifications,
                     stats.removals, stats.relocations, stats.fragments_lost, stats.units_lost,
                     stats.leaders, hash);
}

} // namespace atl::sim
