#include "scenario_table.hpp"

#include <fmt/format.h>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

/// Longer than any election takes, and much longer than a transfer to a healthy peer.
constexpr auto transfer_bound = 5s;

void must_transfer(scenario_group& group, spi::replica_id from, spi::replica_id to) {
  auto& simulation = group.simulation();
  simulation.transfer(from, to);
  if (simulation.run_until([&] { return group.leader() == to; }, transfer_bound))
    return;
  group.must_have_no_violation();
  throw broken(
      fmt::format("replica {} was told to hand over to replica {}, which is up to date and "
                  "reachable, and after {} s the leader is {}",
                  from, to, transfer_bound.count(), group.leader()));
}

/// Transfers leadership to each peer, and back.
std::uint64_t transfer_to_each(const scenario_setting& setting) {
  scenario_group group{setting};
  group.add_one();
  group.must_agree();
  auto first = group.leader();
  if (first == 0)
    throw broken("it claims to transfer leadership, and no replica leads");
  for (auto successor : group.others({first})) {
    must_transfer(group, first, successor);
    group.add_one();
    group.must_read();
    group.must_agree();
    must_transfer(group, successor, first);
    group.add_one();
    group.must_agree();
  }
  return 2 * (group.size() - 1);
}

enum class failing { crashes, is_cut_off, is_not_heard };

void make_fail(scenario_group& group, spi::replica_id successor, failing how) {
  auto& simulation = group.simulation();
  if (how == failing::crashes)
    return simulation.crash(successor);
  for (auto id : group.others({successor})) {
    simulation.cut(successor, id);
    if (how == failing::is_cut_off)
      simulation.cut(id, successor);
  }
}

/// The successor fails some messages after the leader was told to hand over. The other replicas
/// continue.
void transfer_to_one_that_fails(const scenario_setting& setting, std::uint32_t which, failing how,
                                std::uint64_t messages) {
  scenario_group group{setting};
  auto& simulation = group.simulation();
  group.add_one();
  auto leader = group.leader();
  if (leader == 0)
    throw broken("it claims to transfer leadership, and no replica leads");
  auto successor = group.others({leader})[which];
  auto open = group.write_at(leader);
  simulation.transfer(leader, successor);
  auto until = simulation.stats().messages + messages;
  simulation.run_until([&] { return simulation.stats().messages >= until; }, 50ms);
  make_fail(group, successor, how);
  if (!group.try_to_add(20s))
    throw broken(fmt::format("replica {} was told to hand over to replica {}, which {} {} messages "
                             "later: for 20 s no write was answered",
                             leader, successor,
                             how == failing::crashes      ? "crashed"
                             : how == failing::is_cut_off ? "was cut off"
                                                          : "was not heard any more",
                             messages));
  if (simulation.outcome(open).kind == sim::answer_kind::pending)
    throw broken("a write that was under way when leadership was handed over is never answered");
  group.must_recover();
}

std::uint64_t transfer_to_those_that_fail(const scenario_setting& setting) {
  std::uint64_t cases = 0;
  for (std::uint32_t which = 0; which < setting.replicas - 1; ++which)
    for (auto how : {failing::crashes, failing::is_cut_off, failing::is_not_heard})
      for (std::uint64_t messages = 0; messages < 8; ++messages, ++cases)
        transfer_to_one_that_fails(setting, which, how, messages);
  return cases;
}

std::string unless_it_transfers(const tested_protocol& it) {
  return it.transfers_leadership ? "" : "it claims no transfer of leadership";
}

std::string unless_it_transfers_and_is_live(const tested_protocol& it) {
  return it.transfers_leadership ? unless_live_and_safe(it) : unless_it_transfers(it);
}

} // namespace

std::vector<scenario> transfer_scenarios() {
  return {
      {.name = "leadership_transferred",
       .sentence = "leadership goes to the replica that it is transferred to",
       .claim = "transfers_leadership",
       .reason_to_skip = unless_it_transfers,
       .run = transfer_to_each},
      {.name = "heir_fails",
       .sentence = "the replica that leadership is transferred to fails meanwhile",
       .claim = "live_with_crashes",
       .reason_to_skip = unless_it_transfers_and_is_live,
       .run = transfer_to_those_that_fail},
  };
}

} // namespace atl::verify
