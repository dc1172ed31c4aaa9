#include "scenario_table.hpp"

#include <fmt/format.h>

#include <numeric>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

/// The replicas from 1 to `last`.
std::vector<spi::replica_id> up_to(spi::replica_id last) {
  std::vector<spi::replica_id> out(last);
  std::iota(out.begin(), out.end(), 1);
  return out;
}

std::uint64_t change_the_members(const scenario_setting& setting) {
  scenario_group group{setting};
  auto& simulation = group.simulation();
  auto size = group.size();
  auto joins = size + 1;
  group.add_one();
  group.change_members(up_to(size), {joins}); // a learner first
  group.add_one();
  if (!simulation.run_until([&] { return simulation.applied(joins) == simulation.applied(1); }))
    throw broken("a learner doesn't learn");
  auto voters = up_to(size - 1);
  voters.push_back(joins);
  group.change_members(voters); // the learner takes the place of a voter
  group.change_members(voters); // a repeated request, after the change
  group.add_one();
  simulation.crash(size); // the removed replica may never return
  group.add_one();
  voters.push_back(size + 2);
  group.change_members(voters);
  auto victim = group.leader_or_first();
  simulation.crash(victim);
  if (setting.protocol.live_with_crashes != "minority")
    simulation.restart(victim);
  group.add_one();
  return 3;
}

/// A replica is cut off while the group changes to other members and back. Afterwards it leads with
/// the vote of a replica that restarted and no longer knows what was committed.
std::uint64_t change_the_members_and_back(const scenario_setting& setting) {
  for (spi::replica_id away = 1; away <= 3; ++away) {
    scenario_group group{setting};
    auto& simulation = group.simulation();
    group.add_one();
    simulation.isolate(away);
    group.add_one();
    auto stays = away % 3 + 1;
    auto helps = stays % 3 + 1;
    group.change_members({stays});
    group.change_members({stays, helps});
    group.change_members({1, 2, 3});
    simulation.run_for(200ms); // until both replicas have durably applied these entries
    for (int i = 0; i < 3; ++i)
      group.add_one();
    simulation.crash(stays);
    simulation.crash(helps);
    simulation.heal_network();
    simulation.restart(helps);
    simulation.jump_clock(away, 10s);
    group.add_one();
    simulation.restart(stays);
    group.add_one();
    group.must_agree();
  }
  return 3;
}

bool try_to_replace(scenario_group& group, spi::replica_id lost,
                    const std::vector<spi::replica_id>& voters, int attempt) {
  auto& simulation = group.simulation();
  auto ask = group.leader();
  if (ask == 0)
    ask = voters[static_cast<std::size_t>(attempt % 2)];
  simulation.declare_lost(ask, lost);
  auto got = simulation.await(simulation.reconfigure(ask, voters), 10s);
  if (got.kind == sim::answer_kind::applied)
    return true;
  return got.hint != 0 && got.hint != lost && got.hint <= group.size() + 1 &&
         simulation.await(simulation.reconfigure(got.hint, voters), 10s).kind ==
             sim::answer_kind::applied;
}

/// A lost member never comes back, and no replica waits for it forever.
std::uint64_t replace_a_lost_member(const scenario_setting& setting) {
  for (spi::replica_id lost = 1; lost <= setting.replicas; ++lost) {
    scenario_group group{setting};
    auto& simulation = group.simulation();
    group.add_one();
    simulation.run_for(2s); // until all members know the last commit
    simulation.lose_disk(lost);
    auto joins = group.size() + 1;
    auto voters = group.others({lost});
    voters.push_back(joins);
    auto done = false;
    for (int attempt = 0; attempt < 40 && !done; ++attempt) {
      done = try_to_replace(group, lost, voters, attempt);
      group.must_have_no_violation();
      simulation.run_for(300ms);
    }
    if (!done)
      throw broken(fmt::format("replica {} is lost, and was never replaced", lost));
    group.add_one();
    if (!simulation.run_until(
            [&] { return simulation.applied(joins) == simulation.applied(voters[0]); }))
      throw broken("the one that took a lost member's place doesn't have what the others have");
    group.must_have_no_violation();
  }
  return setting.replicas;
}

std::string unless_it_changes_members(const tested_protocol& it) {
  return it.changes_members ? "" : "it claims no changes of members";
}

std::string unless_it_changes_members_and_is_live(const tested_protocol& it) {
  return it.changes_members ? unless_live_with_a_minority_down(it) : unless_it_changes_members(it);
}

} // namespace

std::vector<scenario> membership_scenarios() {
  return {
      {.name = "members_come_and_go",
       .sentence = "members join, take another's place, and go",
       .claim = "changes_members",
       .reason_to_skip = unless_it_changes_members,
       .run = change_the_members},
      {.name = "lost_member_replaced",
       .sentence = "a member is lost and replaced",
       .claim = "changes_members",
       .reason_to_skip = unless_it_changes_members,
       .run = replace_a_lost_member},
      {.name = "members_change_and_back",
       .sentence = "a group changes, and back, while one of it is away",
       .claim = "changes_members",
       .any_size = false,
       .reason_to_skip = unless_it_changes_members_and_is_live,
       .run = change_the_members_and_back},
  };
}

} // namespace atl::verify
