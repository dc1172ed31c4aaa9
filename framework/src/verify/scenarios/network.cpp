#include "scenario_table.hpp"

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

std::uint64_t cut_one_way(const scenario_setting& setting) {
  std::uint64_t cases = 0;
  for (spi::replica_id from = 1; from <= setting.replicas; ++from)
    for (spi::replica_id to = 1; to <= setting.replicas; ++to) {
      if (from == to)
        continue;
      scenario_group group{setting};
      group.add_one();
      group.simulation().cut(from, to);
      group.try_to_add(20s);
      group.simulation().heal_network();
      group.add_one();
      group.must_agree();
      ++cases;
    }
  return cases;
}

/// All messages are delivered again to later incarnations of the replicas.
std::uint64_t redeliver_all_messages(const scenario_setting& setting) {
  struct message {
    spi::replica_id from, to;
    std::string bytes;
  };
  std::vector<message> all;
  scenario_group group{setting};
  auto& simulation = group.simulation();
  simulation.filter([&all](auto from, auto to, std::string_view bytes) {
    if (all.size() < 400)
      all.push_back({from, to, std::string{bytes}});
    return sim::filter_action::pass;
  });
  for (int i = 0; i < 5; ++i)
    group.add_one();
  auto victim = group.leader_or_first();
  simulation.crash(victim);
  simulation.run_for(3s);
  simulation.restart(victim);
  group.add_one();
  simulation.filter({}); // messages from now on are not recorded
  for (auto& it : all)
    if (simulation.up(it.to)) {
      simulation.deliver(it.from, it.to, it.bytes);
      simulation.run_for(100us);
    }
  group.add_one();
  group.must_agree();
  group.must_read();
  return all.size();
}

/// At most one half of a partition continues.
std::uint64_t split_in_halves(const scenario_setting& setting) {
  for (spi::replica_id first = 1; first <= setting.replicas; ++first) {
    scenario_group group{setting, {.seed = 7 + first}};
    auto& simulation = group.simulation();
    group.add_one();
    std::vector<spi::replica_id> half;
    for (std::uint32_t i = 0; i < setting.replicas / 2; ++i)
      half.push_back((first + i - 1) % setting.replicas + 1);
    group.partition({half, group.others(half)});
    for (int second = 0; second < 8; ++second) {
      for (spi::replica_id id = 1; id <= setting.replicas; ++id)
        group.write_at(id);
      simulation.run_for(1s);
    }
    group.must_recover();
  }
  return setting.replicas;
}

} // namespace

std::vector<scenario> network_scenarios() {
  return {
      {.name = "split_in_halves",
       .sentence = "the group is split in halves",
       .run = split_in_halves},
      {.name = "link_cut_one_way", .sentence = "each link is cut, one way", .run = cut_one_way},
      {.name = "everything_said_again",
       .sentence = "all that was said is said again",
       .claim = "safe_with_crashes",
       .reason_to_skip = unless_safe_with_crashes,
       .run = redeliver_all_messages},
  };
}

} // namespace atl::verify
