#include "stalled_voters.hpp"

#include <chrono>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

constexpr auto stall = 5s;
constexpr std::size_t nothing = 0; ///< of what is on its way to a disk survives the crash

/// A write of somebody's whom nobody else knows; its answer isn't waited for.
void propose_in_secret(trial_group& group, spi::replica_id at) {
  constexpr std::uint64_t unused = 1'000'000; ///< as a tag, a session and a key
  group.world().propose(
      at, sim::register_command{unused, unused, 1, unused, sim::operation_kind::write, 1, {}});
}

/// Who takes itself for the leader, whether it can decide anything or not; 0: nobody.
spi::replica_id elected(const sim::world& world) {
  for (spi::replica_id id = 1; id <= 3; ++id)
    if (world.up(id) && world.status(id).role == spi::replica_role::leader)
      return id;
  return 0;
}

/// @returns false when nobody leads
bool stall_followers_and_crash(const protocol_subject& what) {
  trial_group group{what, 3};
  auto& world = group.world();
  group.add_one();
  auto leader = group.leader();
  if (leader == 0)
    return false;
  for (spi::replica_id id = 1; id <= 3; ++id)
    if (id != leader)
      world.stall_disk(id, stall);
  group.try_to_add(2s);
  for (spi::replica_id id = 1; id <= 3; ++id)
    world.crash(id, nothing);
  auto minority_stays_away = what.live_with_crashes == "minority";
  for (spi::replica_id id = 1; id <= 3; ++id)
    if (id != leader || !minority_stays_away)
      world.restart(id);
  group.add_one();
  world.restart(leader);
  group.must_agree();
  group.must_read();
  return true;
}

struct election {
  spi::replica_id first = 0; ///< who leads before, if the protocol lets leadership be handed over
  spi::replica_id voter = 0; ///< whose disk stalls
  sim::world::duration moment{0}; ///< of the crash; it decides by lot who stands first
};

/// @returns false when nobody leads
bool stall_a_voter(const protocol_subject& what, const election& it) {
  trial_group group{what, 3};
  auto& world = group.world();
  group.add_one();
  if (group.leader() == 0)
    return false;
  world.transfer(group.leader(), it.first);
  world.run_until([&] { return group.leader() == it.first; }, 3s);
  world.run_for(it.moment);
  auto first = group.leader();
  auto voter = it.voter == first ? first % 3 + 1 : it.voter;
  auto other = 6 - first - voter;
  world.stall_disk(voter, stall);
  world.crash(first);
  if (world.run_until([&] { return elected(world) != 0; }, stall - 1s)) {
    propose_in_secret(group, elected(world));
    world.isolate(other);
    world.run_for(1ms);
    world.crash(voter, nothing);
    world.restart(voter);
    world.restart(first);
    for (int i = 0; i < 3; ++i)
      group.add_one();
    world.heal_network();
  }
  world.restart(first);
  group.add_one();
  group.must_agree();
  group.must_read();
  return true;
}

} // namespace

std::uint64_t acknowledge_on_stalled_disks(const protocol_subject& what) {
  return stall_followers_and_crash(what) ? 1 : 0;
}

std::uint64_t vote_on_a_stalled_disk(const protocol_subject& what) {
  if (what.live_with_crashes != "minority")
    return 0;
  std::uint64_t cases = 0;
  for (spi::replica_id first = 1; first <= 3; ++first)
    for (spi::replica_id voter = 1; voter <= 3; ++voter)
      for (auto moment = 0ms; voter != first && moment < 400ms; moment += 37ms) {
        cases += stall_a_voter(what, {first, voter, moment}) ? 1 : 0;
      }
  return cases;
}

} // namespace atl::verify
