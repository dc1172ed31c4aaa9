#include "scenario.hpp"

#include <fmt/format.h>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

std::uint64_t cut_off_each(const scenario_setting& setting) {
  auto& protocol = setting.protocol;
  for (spi::replica_id alone = 1; alone <= setting.replicas; ++alone) {
    scenario_group group{setting};
    group.add_one();
    auto& world = group.world();
    world.isolate(alone);
    auto before = world.read(alone, scenario_group::counter);
    if (protocol.live_with_crashes == "minority")
      group.add_one();
    auto after = world.read(alone, scenario_group::counter);
    world.run_for(10s);
    for (auto ticket : {before, after})
      if (auto& got = world.outcome(ticket); protocol.linearizable_reads && ticket == after &&
                                             got.kind == sim::answer_kind::read &&
                                             got.result.result.value_or(0) < group.count())
        throw broken(
            fmt::format("replica {} is cut off and answers a read with what was so before", alone));
    world.heal_network();
    group.add_one();
    group.must_agree();
  }
  return setting.replicas;
}

} // namespace

std::vector<scenario> read_scenarios() {
  return {
      {.name = "each_cut_off",
       .sentence = "each replica is cut off for a while",
       .claim = "linearizable_reads",
       .run = cut_off_each},
  };
}

} // namespace atl::verify
