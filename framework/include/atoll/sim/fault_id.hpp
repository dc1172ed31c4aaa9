#pragma once

#include <atoll/core/error.hpp>

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::sim {

/// Kinds of faults that act at single moments, each of which can be named and left out. (Faults
/// such as reordering, clock drift and lazy hosts act all the time and have no names.)
enum class fault_kind : std::uint8_t {
  crashes,
  batch_crashes, ///< of `fault_set::crashes`, in the middle of a batch of effects
  mass_crashes,
  loss,
  duplication,
  replays,
  partitions,
  clogs,
  pauses,
  clock_jumps,
  disk_stalls,
  sync_failures,
  objections,
  lost_answers,
  unreachable_hints,
  transfers,
  member_changes,
  damaged_records,
  lost_disks,
  wiped_disks,

  // Of `simulate_storage`.
  node_crashes,
  flapping,
  zone_losses,
  node_deaths,
  node_wipes,
  disk_failures,
  bit_rot,
  full_disks,
  slow_disks,
  leader_changes,
  batch_leader_changes, ///< of `storage_fault_set::leader_changes`, in a batch of effects
  lost_heartbeats,
  lost_orders,
  doubled_orders,
  late_orders,
  lost_results,
  doubled_results,
  late_results,
  failed_queries,
  failed_commands,
  client_deaths,
  drains,
  policy_changes,

  // Of `simulate` again: the numbers of the kinds before stay, for the seeds depend on them.
  lost_states,
};

/// One fault of a run. Faults are numbered by kind and place, acting or not, so a name stays valid
/// when other faults are left out.
struct fault_id {
  fault_kind kind = fault_kind::crashes;
  std::uint16_t from = 0; ///< a link's end, a replica, node or client; 0: the simulation as a whole
  std::uint16_t to = 0;   ///< a link's other end; else 0
  std::uint32_t number = 0; ///< of the chances to act at this place, from 1

  friend auto operator<=>(const fault_id&, const fault_id&) = default;
};

/// A fault that acted, and its time in microseconds since the start.
struct acted_fault {
  fault_id id;
  std::int64_t at = 0;
};

std::string_view name_of(fault_kind kind);

/// `the 17th message from 1 to 2 is lost`
std::string describe(const fault_id& it);

/// `crashes:3,loss:1-2:17+20-25`, sorted; `none` for an empty list. `parse_faults` is the inverse.
std::string format_faults(std::vector<fault_id> faults);

/// @returns a sorted list without duplicates; errc::invalid with the part that cannot be parsed.
result<std::vector<fault_id>> parse_faults(std::string_view text);

} // namespace atl::sim
