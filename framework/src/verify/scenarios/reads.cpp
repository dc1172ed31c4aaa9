#include "scenario_table.hpp"

#include <fmt/format.h>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

enum class cut { both, outgoing, incoming };

void cut_off(scenario_group& group, spi::replica_id isolated, cut how) {
  for (auto id : group.others({isolated})) {
    if (how != cut::incoming)
      group.simulation().cut(isolated, id);
    if (how != cut::outgoing)
      group.simulation().cut(id, isolated);
  }
}

/// An isolated replica answers no linearizable read with stale data, and answers local reads from
/// its applied state.
void read_at_isolated_replica(scenario_group& group, const scenario_setting& setting,
                              spi::replica_id isolated, cut how) {
  auto& simulation = group.simulation();
  cut_off(group, isolated, how);
  auto others = group.others({isolated});
  if (setting.protocol.live_with_crashes == "minority")
    if (auto next = group.await_leader_of(
            others, group.leader() == isolated ? group.term_of(isolated) : 0, 10s))
      group.ask_first(next);
  for (int step = 0; step < 150; ++step) {
    if (setting.protocol.live_with_crashes == "minority" && step % 30 == 0)
      group.add_one();
    group.read_at(isolated);
    auto applied = simulation.value(isolated, scenario_group::counter).value_or(0);
    auto local = simulation.read(isolated, scenario_group::counter, spi::read_level::local);
    simulation.run_for(20ms);
    auto& got = simulation.outcome(local);
    if (got.kind == sim::answer_kind::pending)
      throw broken(fmt::format("replica {} is cut off, and doesn't answer a local read", isolated));
    if (got.kind == sim::answer_kind::read && got.result.result.value_or(0) < applied)
      throw broken(
          fmt::format("replica {} answered a local read with less than it had applied", isolated));
  }
  group.must_have_read_fresh();
  simulation.run_for(10s);
  group.must_have_read_fresh();
  group.must_recover();
}

std::uint64_t read_at_each_isolated_replica(const scenario_setting& setting) {
  std::uint64_t cases = 0;
  for (spi::replica_id isolated = 1; isolated <= setting.replicas; ++isolated)
    for (auto how : {cut::both, cut::outgoing, cut::incoming})
      for (std::uint64_t seed = 7; seed < 10; ++seed, ++cases) {
        scenario_group group{setting, {.seed = seed}};
        group.add_one();
        read_at_isolated_replica(group, setting, isolated, how);
      }
  return cases;
}

/// How much faster or slower than true time a clock may run, in millionths, so that of two clocks
/// none runs faster than the other by more than the option `clock_drift` allows.
std::int64_t drift_of_each(const spi::options& options) {
  constexpr std::int64_t million = 1'000'000;
  auto bound = options.integer("clock_drift");
  return bound * million / (2 * million + bound);
}

std::string unless_it_trusts_clocks(const tested_protocol& it) {
  return it.trusts_clocks ? "" : "with these options no read relies on clocks";
}

/// The leader's clock runs as slow, and the clocks of the others as fast, as the bound allows. The
/// leader's lease by its own clock must end before the others elect another leader by their clocks.
std::uint64_t cut_off_a_slow_leader(const scenario_setting& setting) {
  constexpr std::uint64_t seeds = 12; // in some seeds an election happens as early as possible
  auto ppm = drift_of_each(setting.protocol.options);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    scenario_group group{setting, {.seed = seed}};
    group.add_one();
    auto leader = group.leader();
    for (spi::replica_id id = 1; id <= setting.replicas; ++id)
      group.simulation().drift(id, id == leader ? -ppm : ppm);
    for (int write = 0; write < 20; ++write) { // renews the lease while the clocks drift
      group.add_one();
      group.simulation().run_for(20ms);
    }
    if (group.leader() != leader || leader == 0)
      continue;
    read_at_isolated_replica(group, setting, leader, cut::both);
  }
  return seeds;
}

} // namespace

std::vector<scenario> read_scenarios() {
  return {
      {.name = "each_cut_off",
       .sentence = "each replica is cut off for a while",
       .claim = "linearizable_reads",
       .run = read_at_each_isolated_replica},
      {.name = "slow_leader_cut_off",
       .sentence = "a leader whose clock runs slow is cut off",
       .claim = "trusts_clocks_with",
       .reason_to_skip = unless_it_trusts_clocks,
       .run = cut_off_a_slow_leader},
  };
}

} // namespace atl::verify
