#include "stalled_cut.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;
using duration = sim::world::duration;

/// More commands than a log keeps by default.
constexpr std::uint64_t commands_max = 20'000;
constexpr duration stall = 1900ms;
/// The state machines report what they have made durable, and so cause cuts, every 50 ms.
constexpr duration earliest = 56ms;
constexpr duration step = 7ms;

protocol_subject with_short_log(protocol_subject what) {
  what.options = what.short_log_options;
  return what;
}

/// @returns when the leader of an undisturbed group cuts its log for the first time; none if it
/// doesn't, or nobody leads.
std::optional<duration> find_first_cut(const protocol_subject& what) {
  trial_group group{what, 3};
  group.add_one();
  auto leader = group.leader();
  if (leader == 0)
    return std::nullopt;
  for (std::uint64_t i = 0; i < commands_max; ++i) {
    if (group.world().status(leader).first > 1)
      return group.world().now();
    group.add_one();
  }
  return std::nullopt;
}

enum class stalled { leader, everybody };

struct trial {
  duration begin;    ///< of the stall
  stalled disks;     ///< whose disks stall
  bool busy = false; ///< a command's record is what stalls, and the cut waits behind it
};

void must_keep_its_leader(const protocol_subject& what, const trial& it) {
  trial_group group{what, 3};
  auto& world = group.world();
  group.add_one();
  while (world.now() < it.begin)
    group.add_one();
  auto leader = group.leader();
  auto term = world.status(leader).term;
  for (spi::replica_id id = 1; id <= 3; ++id)
    if (id == leader || it.disks == stalled::everybody)
      world.stall_disk(id, stall);
  if (it.busy)
    group.try_to_add(10ms);
  world.run_for(2 * stall);
  group.add_one();
  if (group.leader() != leader || world.status(leader).term != term)
    throw broken(fmt::format("a disk stalled for {} ms while a cut of the log was on its way to "
                             "it, and that made an election, though replicas talked",
                             std::chrono::duration_cast<std::chrono::milliseconds>(stall).count()));
  group.must_agree();
}

} // namespace

std::uint64_t stall_the_disks_during_a_cut(const protocol_subject& tried) {
  auto what = with_short_log(tried);
  auto cut = find_first_cut(what);
  if (!cut)
    return 0;
  std::uint64_t cases = 0;
  for (auto before = duration{0}; before <= earliest; before += step)
    for (auto disks : {stalled::leader, stalled::everybody})
      for (auto busy : {false, true}) {
        must_keep_its_leader(what, {*cut - before, disks, busy});
        ++cases;
      }
  return cases;
}

} // namespace atl::verify
