#include "scenario_table.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <stdexcept>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;
using duration = sim::scripted_simulation::duration;

/// More commands than a log keeps by default.
constexpr std::uint64_t commands_max = 20'000;
constexpr duration stall = 1900ms;
/// The state machines report what they have made durable, and so cause cuts, every 50 ms.
constexpr duration earliest = 56ms;
constexpr duration step = 7ms;

/// Keeps no applied entry, so that the log is cut soon; unchanged for a protocol without such an
/// option, or one that refuses it.
tested_protocol with_short_log(const tested_protocol& protocol) {
  if (!protocol.options.values().contains("keep_entries"))
    return protocol;
  auto shorter = protocol;
  shorter.options = protocol.options.with("keep_entries", std::int64_t{0});
  try {
    shorter.factory({shorter.options, 1, {1, 2, 3}, 1, 1});
  } catch (const std::invalid_argument&) {
    return protocol;
  }
  return shorter;
}

/// @returns when the leader of an undisturbed group cuts its log for the first time; none if it
/// doesn't, or no replica leads.
std::optional<duration> find_first_cut(const scenario_setting& setting) {
  scenario_group group{setting};
  group.add_one();
  auto leader = group.leader();
  if (leader == 0)
    return std::nullopt;
  for (std::uint64_t i = 0; i < commands_max; ++i) {
    if (group.simulation().status(leader).first > 1)
      return group.simulation().now();
    group.add_one();
  }
  return std::nullopt;
}

enum class stalled { leader, all };

struct trial {
  duration begin;    ///< when the stall begins
  stalled disks;     ///< whose disks stall
  bool busy = false; ///< the record of a command stalls, and the cut waits for it
};

void must_keep_its_leader(const scenario_setting& setting, const trial& it) {
  scenario_group group{setting};
  auto& simulation = group.simulation();
  group.add_one();
  while (simulation.now() < it.begin)
    group.add_one();
  auto leader = group.leader();
  auto term = simulation.status(leader).term;
  for (spi::replica_id id = 1; id <= setting.replicas; ++id)
    if (id == leader || it.disks == stalled::all)
      simulation.stall_disk(id, stall);
  if (it.busy)
    group.try_to_add(10ms);
  simulation.run_for(2 * stall);
  group.add_one();
  if (group.leader() != leader || simulation.status(leader).term != term)
    throw broken(fmt::format("a disk stalled for {} ms while a cut of the log was on its way to "
                             "it, and that made an election, though replicas talked",
                             std::chrono::duration_cast<std::chrono::milliseconds>(stall).count()));
  group.must_agree();
}

/// No message depends on a cut of the log, so no message waits for the record of the cut.
std::uint64_t stall_the_disks_during_a_cut(const scenario_setting& given) {
  auto shorter = with_short_log(given.protocol);
  scenario_setting setting{shorter, given.replicas, given.ids, given.observer, given.reference};
  auto cut = find_first_cut(setting);
  if (!cut)
    return 0;
  std::uint64_t cases = 0;
  for (auto before = duration{0}; before <= earliest; before += step)
    for (auto disks : {stalled::leader, stalled::all})
      for (auto busy : {false, true}) {
        must_keep_its_leader(setting, {*cut - before, disks, busy});
        ++cases;
      }
  return cases;
}

} // namespace

std::vector<scenario> stalled_cut_scenarios() {
  return {
      {.name = "stalled_cut",
       .sentence = "disks stall while the log is cut",
       .run = stall_the_disks_during_a_cut},
  };
}

} // namespace atl::verify
