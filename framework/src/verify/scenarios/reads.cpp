#include "scenario.hpp"

#include <fmt/format.h>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

enum class cut { both_ways, what_it_sends, what_it_hears };

void cut_off(scenario_group& group, spi::replica_id alone, cut how) {
  for (auto id : group.others({alone})) {
    if (how != cut::what_it_hears)
      group.world().cut(alone, id);
    if (how != cut::what_it_sends)
      group.world().cut(id, alone);
  }
}

/// While a replica is cut off it answers no linearizable read with what was so before; and local
/// ones with what it has applied.
void read_where_it_is_cut_off(const scenario_setting& setting, spi::replica_id alone, cut how,
                              std::uint64_t seed) {
  scenario_group group{setting, {.seed = seed}};
  auto& world = group.world();
  group.add_one();
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
    auto applied = world.value(alone, scenario_group::counter).value_or(0);
    auto local = world.read(alone, scenario_group::counter, spi::read_level::local);
    world.run_for(20ms);
    auto& got = world.outcome(local);
    if (got.kind == sim::answer_kind::pending)
      throw broken(fmt::format("replica {} is cut off, and doesn't answer a local read", alone));
    if (got.kind == sim::answer_kind::read && got.result.result.value_or(0) < applied)
      throw broken(
          fmt::format("replica {} answered a local read with less than it had applied", alone));
  }
  group.must_have_read_fresh();
  world.run_for(10s);
  group.must_have_read_fresh();
  group.must_recover();
}

std::uint64_t read_where_each_is_cut_off(const scenario_setting& setting) {
  std::uint64_t cases = 0;
  for (spi::replica_id alone = 1; alone <= setting.replicas; ++alone)
    for (auto how : {cut::both_ways, cut::what_it_sends, cut::what_it_hears})
      for (std::uint64_t seed = 7; seed < 10; ++seed, ++cases)
        read_where_it_is_cut_off(setting, alone, how, seed);
  return cases;
}

} // namespace

std::vector<scenario> read_scenarios() {
  return {
      {.name = "each_cut_off",
       .sentence = "each replica is cut off for a while",
       .claim = "linearizable_reads",
       .run = read_where_each_is_cut_off},
  };
}

} // namespace atl::verify
