#include "scenario.hpp"

#include <fmt/format.h>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

enum class cut { both_ways, what_it_sends, what_it_hears };

void cut_off(scenario_group& group, spi::replica_id alone, cut how) {
  for (auto id : group.others({alone})) {
    if (how != cut::what_it_hears)
      group.simulation().cut(alone, id);
    if (how != cut::what_it_sends)
      group.simulation().cut(id, alone);
  }
}

/// An isolated replica answers no linearizable read with stale data, and answers local reads from
/// its applied state.
void read_where_it_is_cut_off(scenario_group& group, const scenario_setting& setting,
                              spi::replica_id alone, cut how) {
  auto& simulation = group.simulation();
  cut_off(group, alone, how);
  auto others = group.others({alone});
  if (setting.protocol.live_with_crashes == "minority")
    if (auto next =
            group.await_leader_of(others, group.leader() == alone ? group.term_of(alone) : 0, 10s))
      group.ask(next);
  for (int step = 0; step < 150; ++step) {
    if (setting.protocol.live_with_crashes == "minority" && step % 30 == 0)
      group.add_one();
    group.read_at(alone);
    auto applied = simulation.value(alone, scenario_group::counter).value_or(0);
    auto local = simulation.read(alone, scenario_group::counter, spi::read_level::local);
    simulation.run_for(20ms);
    auto& got = simulation.outcome(local);
    if (got.kind == sim::answer_kind::pending)
      throw broken(fmt::format("replica {} is cut off, and doesn't answer a local read", alone));
    if (got.kind == sim::answer_kind::read && got.result.result.value_or(0) < applied)
      throw broken(
          fmt::format("replica {} answered a local read with less than it had applied", alone));
  }
  group.must_have_read_fresh();
  simulation.run_for(10s);
  group.must_have_read_fresh();
  group.must_recover();
}

std::uint64_t read_where_each_is_cut_off(const scenario_setting& setting) {
  std::uint64_t cases = 0;
  for (spi::replica_id alone = 1; alone <= setting.replicas; ++alone)
    for (auto how : {cut::both_ways, cut::what_it_sends, cut::what_it_hears})
      for (std::uint64_t seed = 7; seed < 10; ++seed, ++cases) {
        scenario_group group{setting, {.seed = seed}};
        group.add_one();
        read_where_it_is_cut_off(group, setting, alone, how);
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

/// The leader's clock runs as slow, and the others' as fast, as their bound allows. What the leader
/// trusts by its own clock has to end before the others elect another leader by theirs.
std::uint64_t cut_off_a_slow_leader(const scenario_setting& setting) {
  constexpr std::uint64_t seeds = 12; // in some an election comes as early as it may
  auto ppm = drift_of_each(setting.protocol.options);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    scenario_group group{setting, {.seed = seed}};
    group.add_one();
    auto leader = group.leader();
    for (spi::replica_id id = 1; id <= setting.replicas; ++id)
      group.simulation().drift(id, id == leader ? -ppm : ppm);
    for (int write = 0; write < 20; ++write) { // a lease by clocks that drift
      group.add_one();
      group.simulation().run_for(20ms);
    }
    if (group.leader() != leader || leader == 0)
      continue;
    read_where_it_is_cut_off(group, setting, leader, cut::both_ways);
  }
  return seeds;
}

} // namespace

std::vector<scenario> read_scenarios() {
  return {
      {.name = "each_cut_off",
       .sentence = "each replica is cut off for a while",
       .claim = "linearizable_reads",
       .run = read_where_each_is_cut_off},
      {.name = "slow_leader_cut_off",
       .sentence = "a leader whose clock runs slow is cut off",
       .claim = "trusts_clocks_with",
       .why_not = unless_it_trusts_clocks,
       .run = cut_off_a_slow_leader},
  };
}

} // namespace atl::verify
