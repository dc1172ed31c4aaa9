#pragma once

#include <atoll/sim/fault_id.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::sim {

/// Faults that a run of `simulate_storage` may inject. Each seed draws a subset and their rates.
struct storage_fault_set {
  bool node_crashes = false;  ///< a node stops, and returns after a while
  bool flapping = false;      ///< a node stops and returns several times
  bool zone_losses = false;   ///< the nodes of a zone stop together, and return
  bool node_deaths = false;   ///< a node is lost for good; another one takes its place
  bool node_wipes = false;    ///< a node returns with an empty disk
  bool disk_failures = false; ///< a disk can't be written, or not even read, until it is replaced
  bool bit_rot = false;       ///< fragments are damaged, which nobody notices until they are read
  bool full_disks = false;    ///< a disk has no room for a while
  bool slow_disks = false;    ///< a node works slowly for a while
  /// Another keeper leads, perhaps at any effect; the former one may not know for a while.
  bool leader_changes = false;
  bool lost_heartbeats = false;
  bool lost_orders = false;     ///< also lost requests for what a node holds
  bool doubled_orders = false;  ///< orders arrive twice
  bool late_orders = false;     ///< orders arrive seconds later
  bool lost_results = false;    ///< also what nodes tell unasked
  bool doubled_results = false; ///< results arrive twice
  bool late_results = false;    ///< results arrive seconds later
  bool failed_queries = false;  ///< the state answers a query with an error
  bool failed_commands = false; ///< a command to the state fails, or takes effect unnoticed
  bool client_deaths = false;   ///< a client dies in the middle of an upload
  bool drains = false;          ///< operators drain nodes, and change their minds
  bool policy_changes = false;  ///< operators change the policy of new units, and the rates

  static storage_fault_set none() { return {}; }
  static storage_fault_set all();
};

/// A flag of a `storage_fault_set` and its name, which equals the name of the member.
struct storage_fault_name {
  std::string_view name;
  bool storage_fault_set::*flag;
};
std::span<const storage_fault_name> storage_fault_names();

/// Faults to leave out of those that a seed draws.
struct storage_fault_choice {
  storage_fault_set without;                 ///< kinds of faults to leave out
  std::optional<std::vector<fault_id>> only; ///< if set: the only named faults to keep; sorted
};

/// The rates that one seed draws from a `storage_fault_set`: probabilities per message, effect,
/// query, command or upload, and a time in microseconds.
struct storage_fault_rates {
  double leader_change = 0; ///< per effect
  double lost_heartbeat = 0;
  double lost_order = 0;
  double doubled_order = 0;
  double late_order = 0;
  double lost_result = 0;
  double doubled_result = 0;
  double late_result = 0;
  double failed_query = 0;
  double failed_command = 0;
  double client_death = 0;
  /// Kinds of faults that come from time to time.
  storage_fault_set timed;
  /// Mean time between two faults of any of the `timed` kinds, in microseconds.
  std::int64_t fault_every = 0;

  static storage_fault_rates draw(const storage_fault_set& allowed, spi::random_source& random);
  /// Removes kinds of faults; the others keep their rates.
  void remove(const storage_fault_set& kinds);
  /// Lists the faults and their rates as text, for the report of a failure.
  std::string describe() const;
};

} // namespace atl::sim
