#include "scenario_table.hpp"

#include <fmt/format.h>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

/// Increments of a scenario in which every effect is a crash point.
constexpr std::uint64_t increments = 4;

/// @returns how many effects the run had.
std::uint64_t count_up(scenario_group& group) {
  for (std::uint64_t i = 0; i < increments; ++i)
    group.add_one();
  return group.simulation().stats().effects;
}

/// An answered command survives a crash at any moment, and is applied once.
std::uint64_t crash_before_each_effect(const scenario_setting& setting, bool all_replicas) {
  std::uint64_t effects = 0;
  {
    scenario_group undisturbed{setting};
    effects = count_up(undisturbed);
  }
  for (std::uint64_t effect = 1; effect <= effects; ++effect) {
    scenario_group group{setting};
    group.simulation().crash_at_effect(effect, all_replicas);
    try {
      count_up(group);
      group.simulation().run_for(1s);
      group.must_agree();
      group.must_read();
    } catch (const broken& how) {
      throw broken(fmt::format("when {} of {} stops before effect {}: {}",
                               all_replicas ? "everybody" : "one", setting.replicas, effect,
                               how.what()));
    }
  }
  return effects;
}

std::uint64_t crash_one_before_each_effect(const scenario_setting& setting) {
  return crash_before_each_effect(setting, false);
}

std::uint64_t crash_all_before_each_effect(const scenario_setting& setting) {
  return crash_before_each_effect(setting, true);
}

std::uint64_t lose_the_leader_ten_times(const scenario_setting& setting) {
  scenario_group group{setting};
  auto is_live = setting.protocol.live_with_crashes == "minority";
  for (int round = 0; round < 10; ++round) {
    group.add_one();
    auto victim = group.leader();
    if (victim == 0)
      victim = static_cast<spi::replica_id>(1 + round % group.size());
    group.simulation().crash(victim);
    if (is_live) {
      group.must_read(); // at a leader that was just elected
      group.add_one();
    }
    group.simulation().restart(victim);
    group.add_one();
    group.must_read(victim);
  }
  group.must_agree();
  return 10;
}

std::uint64_t continue_with_a_minority_down(const scenario_setting& setting) {
  auto replicas = setting.replicas;
  for (spi::replica_id first = 1; first <= replicas; ++first) {
    scenario_group group{setting};
    group.add_one();
    auto down = (replicas - 1) / 2;
    for (std::uint32_t i = 0; i < down; ++i)
      group.simulation().crash((first + i - 1) % replicas + 1);
    group.add_one();
    group.must_read();
    for (spi::replica_id id = 1; id <= replicas; ++id)
      group.simulation().restart(id);
    group.must_agree();
  }
  return replicas;
}

/// A protocol that needs every replica refuses at once, and continues when all are back.
std::uint64_t refuse_while_one_is_down(const scenario_setting& setting) {
  for (spi::replica_id down = 1; down <= setting.replicas; ++down) {
    scenario_group group{setting};
    group.add_one();
    group.simulation().crash(down);
    group.simulation().run_for(5s);
    if (group.try_to_add(5s))
      throw broken("it claims to block when one replica is down, and it committed");
    group.simulation().restart(down);
    group.add_one();
    group.must_agree();
  }
  return setting.replicas;
}

/// A replica that was down catches up from its peers.
std::uint64_t catch_up_after_a_long_outage(const scenario_setting& setting) {
  for (spi::replica_id away = 1; away <= setting.replicas; ++away) {
    scenario_group group{setting};
    group.add_one();
    group.simulation().crash(away);
    for (int i = 0; i < 300; ++i)
      group.add_one();
    group.simulation().restart(away);
    group.must_agree();
    group.must_read(away);
  }
  return setting.replicas;
}

std::string unless_it_needs_every_replica(const tested_protocol& it) {
  return it.blocks_on_one_failure ? "" : "it doesn't claim to block when one replica is down";
}

} // namespace

std::vector<scenario> crash_scenarios() {
  return {
      {.name = "crash_before_each_effect",
       .sentence = "a replica crashes before each effect",
       .claim = "safe_with_crashes",
       .sizes = {1, 3},
       .any_size = false,
       .reason_to_skip = unless_safe_with_crashes,
       .run = crash_one_before_each_effect},
      {.name = "all_crash_before_each_effect",
       .sentence = "all replicas crash before each effect",
       .claim = "safe_with_crashes",
       .any_size = false,
       .reason_to_skip = unless_safe_with_mass_crashes,
       .run = crash_all_before_each_effect},
      {.name = "leader_lost_ten_times",
       .sentence = "whoever leads is lost, ten times",
       .claim = "safe_with_crashes",
       .reason_to_skip = unless_safe_with_crashes,
       .run = lose_the_leader_ten_times},
      {.name = "minority_down",
       .sentence = "a minority is down",
       .claim = "live_with_crashes",
       .sizes = {3, 5},
       .reason_to_skip = unless_live_with_a_minority_down,
       .run = continue_with_a_minority_down},
      {.name = "one_away_for_long",
       .sentence = "one is away for long",
       .claim = "live_with_crashes",
       .reason_to_skip = unless_live_with_a_minority_down,
       .run = catch_up_after_a_long_outage},
      {.name = "one_down",
       .sentence = "one is down",
       .claim = "blocks_on_one_failure",
       .reason_to_skip = unless_it_needs_every_replica,
       .run = refuse_while_one_is_down},
  };
}

} // namespace atl::verify
