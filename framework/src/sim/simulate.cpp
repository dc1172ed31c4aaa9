#include "administrator.hpp"
#include "clients.hpp"
#include "fault_injector.hpp"
#include "simulator.hpp"

#include <atoll/sim/simulation.hpp>

#include <algorithm>
#include <array>

namespace atl::sim {

namespace {

/// Number of answers that each client must receive after all faults are healed.
constexpr std::uint32_t answers_wanted = 5;

std::string describe_replicas(simulator& sim) {
  std::string out;
  for (spi::replica_id id = 1; id <= sim.replicas(); ++id) {
    auto& it = sim.at(id);
    if (!it.up()) {
      out += it.is_awaiting_admission()
                 ? fmt::format("; replica {} is kept out: {}", id, it.admission_refusal())
                 : fmt::format("; replica {} is down {}", id, it.fatal_reason());
      continue;
    }
    auto status = it.protocol().status();
    out += fmt::format("; replica {} committed {} applied {}{}{}", id, status.committed,
                       it.machine().index(),
                       status.blocked.empty() ? "" : ", blocked: ", status.blocked);
  }
  return out;
}

/// Voters and learners according to the replicas that have applied all entries.
std::vector<spi::replica_id> members(simulator& sim) {
  auto group = sim.birth_voters();
  for (spi::replica_id id = 1; id <= sim.replicas(); ++id) {
    auto& it = sim.at(id);
    if (!it.up() || it.machine().index() != sim.checker().last())
      continue;
    group = it.members().voters;
    group.insert(group.end(), it.members().learners.begin(), it.members().learners.end());
  }
  return group;
}

template <class Done>
bool await(simulator& sim, std::int64_t until, Done done) {
  while (sim.checker().ok() && !done()) {
    if (sim.now() >= until)
      return false;
    if (!sim.step())
      return false;
  }
  return sim.checker().ok();
}

void demand_liveness(simulator& sim, clients& workload) {
  auto bound = sim.options().liveness_bound.count();
  workload.reset_answer_counts();
  auto answered =
      await(sim, sim.now() + bound, [&] { return workload.each_was_answered(answers_wanted); });
  if (!answered)
    sim.violate(violation_kind::not_live,
                fmt::format("all is healed, and within {} ms not every client got {} answers{}",
                            bound / 1000, answers_wanted, describe_replicas(sim)));
}

void demand_agreement(simulator& sim) {
  auto bound = sim.options().liveness_bound.count();
  auto agree = [&sim] {
    auto group = members(sim);
    return std::all_of(group.begin(), group.end(), [&](auto id) {
      return sim.at(id).up() && sim.at(id).machine().index() == sim.checker().last();
    });
  };
  if (!await(sim, sim.now() + bound, agree))
    sim.violate(violation_kind::not_live,
                fmt::format("all is healed, and within {} ms not every replica applied {}{}",
                            bound / 1000, sim.checker().last(), describe_replicas(sim)));
}

void inspect_machines(simulator& sim) {
  for (spi::replica_id id = 1; id <= sim.replicas() && sim.checker().ok(); ++id)
    if (sim.at(id).up())
      sim.service().inspect(sim.at(id).machine().machine());
}

} // namespace

fault_rates drawn_rates(const simulation_options& options) {
  spi::random_source draw{options.seed};
  auto rates = fault_rates::draw(options.faults, draw);
  rates.remove(options.choice.without);
  rates.wiped_disks = rates.wiped_disks && options.spares > 0;
  // A replica without a state can't vote: the other members must be a quorum, and stay one.
  auto members_stay = !rates.wiped_disks && (!rates.member_changes || options.spares == 0) &&
                      options.faults.damageable.empty() && options.faults.losable.empty();
  rates.lost_states =
      rates.lost_states && options.replicas >= 3 && (members_stay || !options.demand_liveness);
  return rates;
}

simulation_report simulate(const simulation_options& options, const consensus_factory& factory) {
  auto rates = drawn_rates(options);
  simulation_report report;
  report.seed = options.seed;
  report.faults = rates.describe();

  simulator sim{options, factory, rates};
  clients workload{sim};
  fault_injector injector{sim};
  admin administrator{sim};
  sim.run_until(options.duration.count());
  injector.stop();
  administrator.stop();
  sim.heal();
  if (options.demand_liveness)
    demand_liveness(sim, workload);
  workload.stop();
  if (options.demand_liveness)
    demand_agreement(sim);
  inspect_machines(sim);

  report.ok = sim.checker().ok();
  report.kind = sim.checker().kind();
  report.failed_at = sim.now();
  report.reason = sim.checker().violation();
  report.hash = sim.hash();
  report.stats = sim.stats();
  report.stats.committed = sim.checker().last();
  report.acted = sim.acted();
  sim.service().conclude(report);
  return report;
}

std::string_view name_of(violation_kind kind) {
  constexpr std::array<std::string_view, 13> names{"none",
                                                   "divergence",
                                                   "refused_yet_committed",
                                                   "committed_twice",
                                                   "term_went_back",
                                                   "two_leaders",
                                                   "interface_broken",
                                                   "threw",
                                                   "unbounded",
                                                   "stopped_itself",
                                                   "not_live",
                                                   "not_linearizable",
                                                   "service_broken"};
  return names[static_cast<std::size_t>(kind)];
}

std::string simulation_report::summary() const {
  return fmt::format(
      "seed {}: {}\n  faults: {}; {} acted\n  {} indexes, {} answered, {} failed, {} unknown, "
      "{} crashes, {} messages, hash {:016x}",
      seed, ok ? "ok" : reason, faults, acted.size(), stats.committed, stats.answered, stats.failed,
      stats.unknown, stats.crashes, stats.messages, hash);
}

} // namespace atl::sim
