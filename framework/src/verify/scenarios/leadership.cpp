#include "scenario_table.hpp"

#include <fmt/format.h>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;
using replica_ids = std::vector<spi::replica_id>;

/// `first` and as many others as make `count` replicas, without `apart`.
replica_ids with_some_others(const scenario_group& group, spi::replica_id first, std::size_t count,
                             const replica_ids& apart = {}) {
  auto none = apart;
  none.push_back(first);
  replica_ids out{first};
  for (auto id : group.others(none))
    if (out.size() < count)
      out.push_back(id);
  return out;
}

// -- Raft's figure 8 --------------------------------------------------------------------------

/// A leader replicates entries of an older term, and stops after some messages. The entries may be
/// on a majority of the disks by then, and still a leader of an intermediate term replaces them.
/// @returns whether the elections took place as needed
bool replace_entries_of_an_older_term(const scenario_setting& setting, std::uint64_t messages,
                                      std::size_t padding) {
  scenario_group group{setting};
  auto& simulation = group.simulation();
  group.add_one();
  auto first = group.leader();
  if (first == 0)
    return false;
  auto minority = with_some_others(group, first, (group.size() - 1) / 2);
  auto rest = group.others(minority);
  group.partition({minority, rest});
  for (int i = 0; i < 3; ++i)
    group.write_at(first, padding);
  auto second = group.await_leader_of(rest, group.term_of(first));
  if (second == 0)
    return false;
  auto second_term = group.term_of(second);
  simulation.isolate(second); // before any replica gets the first entry of its term
  group.write_at(second, padding);
  simulation.run_for(20ms);
  group.partition({group.others({second})});
  auto third = group.await_leader_of(group.others({second}), second_term);
  if (third == 0)
    return false;
  auto third_term = group.term_of(third);
  group.drop_after(messages);
  simulation.run_for(50ms);
  for (auto id : minority)
    simulation.crash(id);
  simulation.filter({});
  group.partition({rest});
  group.await_leader_of(rest, third_term);
  simulation.run_for(500ms);
  group.must_recover();
  return true;
}

std::uint64_t replace_entries_of_older_terms(const scenario_setting& setting) {
  constexpr std::size_t more_than_fits_a_message = (std::size_t{1} << 20) + 1000;
  std::uint64_t cases = 0;
  auto stop_after = [&](std::uint64_t messages, std::size_t padding) {
    cases += replace_entries_of_an_older_term(setting, messages, padding) ? 1 : 0;
  };
  auto most = 8 * setting.replicas;
  for (std::uint64_t messages = 0; messages < most; ++messages)
    stop_after(messages, 0);
  for (std::uint64_t messages = 0; messages < most; messages += 2 + setting.replicas / 2)
    stop_after(messages, more_than_fits_a_message);
  return cases;
}

// -- a leader for the third time --------------------------------------------------------------

/// The leader's last entries reach the other replicas, but their acknowledgements do not reach the
/// leader: the next leader commits the entries.
void lose_with_entries_that_survive(scenario_group& group, spi::replica_id leader) {
  auto& simulation = group.simulation();
  for (auto id : group.others({leader}))
    simulation.cut(id, leader);
  group.write_at(leader);
  simulation.run_for(20ms);
  simulation.isolate(leader);
}

/// A minority acknowledges entries of its leader that no other replica gets.
void lose_with_entries_that_are_lost(scenario_group& group, spi::replica_id leader) {
  auto minority = with_some_others(group, leader, (group.size() - 1) / 2);
  group.partition({minority, group.others(minority)});
  for (int i = 0; i < 20; ++i)
    group.write_at(leader);
  group.simulation().run_for(200ms);
}

/// Reads at the former leader while another replica leads, then heals the network.
void change_leader(scenario_group& group, spi::replica_id led) {
  auto& simulation = group.simulation();
  auto next = group.await_leader_of(group.others({led}), group.term_of(led));
  if (next != 0)
    group.ask_first(next);
  group.add_one();
  group.add_one();
  for (int i = 0; i < 50; ++i) {
    group.read_at(led);
    simulation.run_for(20ms);
  }
  group.must_have_read_fresh();
  simulation.heal_network();
  group.must_agree();
}

/// State of earlier terms has no effect on a leader: acknowledgements, proposals, heartbeat rounds.
std::uint64_t lead_three_times(const scenario_setting& setting) {
  scenario_group group{setting};
  auto& simulation = group.simulation();
  group.add_one();
  auto again = group.leader();
  if (again == 0)
    return 0;
  for (int time = 0; time < 3; ++time) {
    lose_with_entries_that_survive(group, again);
    change_leader(group, again);
    if (!group.make_lead(again))
      return 0;
    group.add_one();
    lose_with_entries_that_are_lost(group, again);
    change_leader(group, again);
    if (!group.make_lead(again))
      return 0;
    // With other replicas than those that acknowledged entries before.
    auto minority = with_some_others(group, again, (group.size() - 1) / 2,
                                     with_some_others(group, again, (group.size() - 1) / 2));
    group.partition({minority, group.others(minority)});
    group.write_at(again);
    simulation.run_for(100ms);
    change_leader(group, again);
    if (!group.make_lead(again))
      return 0;
  }
  group.must_recover();
  return 3;
}

} // namespace

std::vector<scenario> leadership_scenarios() {
  return {
      {.name = "older_terms_replaced",
       .sentence = "entries of an older term are replaced by those of the term between",
       .claim = "safe_with_crashes",
       .sizes = {3, 5},
       .reason_to_skip = unless_live_and_safe,
       .run = replace_entries_of_older_terms},
      {.name = "third_leadership",
       .sentence = "a replica leads three times without a restart",
       .claim = "live_with_crashes",
       .sizes = {3, 5},
       .reason_to_skip = unless_live_with_a_minority_down,
       .run = lead_three_times},
  };
}

} // namespace atl::verify
