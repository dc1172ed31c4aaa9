#pragma once

#include <atoll/keep/keeper_settings.hpp>
#include <atoll/sim/simulated_keeper.hpp>
#include <atoll/sim/storage_faults.hpp>
#include <atoll/spi/balancer.hpp>
#include <atoll/spi/recovery.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::sim {

/// The way in which a run of `simulate_storage` failed.
enum class storage_violation : std::uint8_t {
  none,
  unit_lost,      ///< too few fragments are left, although fewer were lost than the scheme survives
  wanted_removed, ///< a fragment was removed that the state wanted where it was
  young_removed,  ///< a fragment was removed of a unit that a client could still have put
  removed_too_soon,     ///< what a relocation left behind was removed within the grace time
  relocated_to_nothing, ///< the state was told of a fragment at a node that never had it
  needless_move,        ///< a fragment was moved that was in order where it was
  moved_uphill,         ///< a fragment was moved from a node to a fuller one
  stacked,              ///< two fragments of a unit were placed on one node
  zone_crowded,         ///< a zone got more fragments of a unit than it may have, without need
  doubled_task,         ///< two nodes were ordered to make the same fragment at once
  rate_exceeded,        ///< more bytes were ordered to be copied than the settings allow
  too_many_streams,     ///< a node got more to copy at a time than the settings allow
  copied_onto_removal,  ///< a fragment was ordered where another of its unit is being removed
  damage_spread,        ///< a damaged fragment was copied, and stored as a good one
  dead_too_soon,        ///< a node counts as lost that was not silent for long enough
  flapping_storm,       ///< a node that comes and goes counts as lost again and again
  verified_for_nothing, ///< a node was asked again and again for what it has
  endangered_waited,    ///< units were repaired while a more endangered one waited
  not_converged,        ///< all is healed, and not all units are in order in time
  interface_broken,     ///< an effect violates the interface of the keeper
  threw,                ///< an exception left the keeper or a plugin
};

/// `unit_lost`
std::string_view name_of(storage_violation kind);

/// The plugins of a policy, for each user.
struct storage_plugins {
  std::function<std::shared_ptr<const spi::recovery>()> recovery;
  std::function<std::shared_ptr<spi::balancer>(std::uint64_t seed)> balancer;
};

using storage_trace_sink = std::function<void(std::string_view)>;

struct storage_simulation_options {
  std::uint64_t seed = 1;
  std::uint32_t nodes = 8;
  std::uint32_t zones = 0;   ///< failure domains; 0: as the seed draws
  std::uint32_t hosts = 3;   ///< processes with a keeper, one of which leads
  std::uint32_t units = 60;  ///< at the beginning; clients put and remove about as many
  std::uint32_t clients = 3; ///< that put, remove, overwrite and read
  std::uint64_t unit_bytes_max = 4 << 20;
  /// Length of phase one: faults are injected, and safety is checked.
  std::chrono::microseconds duration{60'000'000};
  storage_fault_set faults = storage_fault_set::all(); ///< faults that a seed may draw
  storage_fault_choice choice;                         ///< drawn faults to leave out
  storage_plugins plugins;
  /// None: drawn from the seed, times much shorter than a cluster's.
  std::optional<keep::keeper_settings> settings;
  /// Phase two: all faults are healed, and all units must be in order in time.
  bool demand_convergence = true;
  /// The leader changes at the effect with this number, counted from 1; 0: at none besides the
  /// faults.
  std::uint64_t leader_change_at = 0;
  /// Makes keepers with a mistake, for tests that show that the simulator notices them. Empty:
  /// keepers as a cluster runs them.
  keeper_factory make_keeper;
  /// Whether nodes check what they copy, as they must; false: for a test of the check.
  bool nodes_check_copies = true;
  storage_trace_sink trace; ///< empty: none
};

struct storage_stats {
  std::uint64_t events = 0;  ///< events of the simulation
  std::uint64_t effects = 0; ///< of the keepers
  std::uint64_t queries = 0;
  std::uint64_t plugin_uses = 0; ///< by keepers, to judge a unit or plan its repair
  std::uint64_t slices = 0;
  std::uint64_t copies = 0; ///< orders to copy or rebuild
  std::uint64_t verifications = 0;
  std::uint64_t removals = 0;
  std::uint64_t relocations = 0; ///< that took effect
  std::uint64_t deaths = 0;      ///< nodes that were declared to be lost by a keeper
  std::uint64_t bytes_copied = 0;
  std::uint64_t puts = 0;
  std::uint64_t reads = 0;
  std::uint64_t leaders = 0;        ///< terms
  std::uint64_t fragments_lost = 0; ///< by faults
  /// Units that lost more fragments than their scheme survives: no keeper could have saved them.
  std::uint64_t units_lost = 0;
  std::int64_t converged_after_us = 0; ///< since all was healed
};

struct storage_report {
  bool ok = true;
  storage_violation kind = storage_violation::none;
  std::int64_t failed_at = 0; ///< microseconds since the start: of the failure, or of the end
  std::string reason;         ///< what was violated, when, and where
  std::string faults;         ///< the faults that the seed drew
  std::uint64_t seed = 0;
  std::uint64_t hash = 0; ///< hash of all events of the run; equal for equal seeds and options
  storage_stats stats;
  std::vector<acted_fault> acted; ///< in order of time

  /// Seed, faults and reason as text for people.
  std::string summary() const;
};

/// The fault rates that the seed draws, without the faults that are left out.
storage_fault_rates drawn_rates(const storage_simulation_options& options);

/// Runs keepers over simulated storage nodes in the calling thread, with all randomness drawn from
/// one seed. Units have no bytes, only sizes: what counts is which fragments are where, and whether
/// they are intact.
///
/// Phase one injects faults while clients work. Phase two ends them: after a bounded time each unit
/// that could be saved must have all its fragments on nodes in use, no node may hold a fragment
/// that the state doesn't want, and drained nodes must be empty.
///
/// What is true is decided by the simulated disks, not by what a keeper believes.
/// @throws std::invalid_argument if there are fewer nodes than the scheme makes fragments
storage_report simulate_storage(const storage_simulation_options& options);

} // namespace atl::sim
