#pragma once

#include <atoll/sim/fault_id.hpp>
#include <atoll/spi/consensus.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::sim {

/// Faults that a run may inject. Each seed draws a subset and their rates (swarm testing: Groce et
/// al., ISSTA '12), because a run with every fault hides failures that need only two of them.
struct fault_set {
  bool crashes = false;      ///< a replica crashes, also in the middle of a batch of effects
  bool mass_crashes = false; ///< all replicas crash at once
  bool loss = false;         ///< messages are lost
  bool duplication = false;  ///< messages arrive twice
  bool reordering = false;   ///< messages overtake each other
  bool replays = false;    ///< messages arrive again seconds later, possibly in another incarnation
  bool partitions = false; ///< partitions: halves, a single replica, rings, bridges, one-way cuts
  bool clogs = false;      ///< a link delays all messages for a while, then delivers them
  bool pauses = false;     ///< a replica makes no progress for a while and is not told
  bool clock_drift = false;       ///< clocks run fast or slow, by at most `drift_ppm_max`
  bool clock_jumps = false;       ///< clocks jump ahead
  bool disk_stalls = false;       ///< a sync takes seconds
  bool sync_failures = false;     ///< a sync fails: the host stops the replica
  bool objections = false;        ///< a state machine rejects some validations
  bool lost_answers = false;      ///< answers to clients are lost, and the clients retry
  bool unreachable_hints = false; ///< hosts call `on_unreachable`, correctly or not
  bool lazy_hosts = false;        ///< hosts drain after several calls and apply late
  bool transfers = false;         ///< replicas are asked to transfer leadership
  /// Members are added, removed, and replaced when their disk is lost. Requires spare replicas and
  /// a protocol that changes its members.
  bool member_changes = false;
  /// A member restarts with an empty disk under its old id. Its host does not admit it, and a spare
  /// replaces it later; requires spare replicas and a protocol that changes its members. A majority
  /// of the voters have their disks at any time.
  bool wiped_disks = false;
  /// A replica's copy of the state machine is damaged, and its log is not: its host rebuilds the
  /// copy from the snapshot of a peer before the replica takes part again. At most one replica at a
  /// time, of three or more. Requires a protocol that claims `rebuilds_state`.
  bool lost_states = false;
  std::int64_t drift_ppm_max = 100'000;
  /// Replicas whose durable records may become unreadable while they are down.
  std::vector<spi::replica_id> damageable;
  /// Replicas that may restart with an empty disk and are admitted by their hosts: for protocols
  /// that tolerate this.
  std::vector<spi::replica_id> losable;

  static fault_set none() { return {}; }
  /// All of the above, except damaged records, lost disks, wiped disks and lost states.
  static fault_set all();

  /// The faults among these that a protocol claims to tolerate with its options. A protocol that
  /// trusts clocks tolerates no clock jumps, and only clock rates that differ by at most its option
  /// `clock_drift`.
  /// @param trusts_clocks_with the claim: the option that makes the protocol trust clocks; empty:
  /// none does
  fault_set as_claimed(std::string_view trusts_clocks_with, const spi::options& options) const;
};

/// A flag of a `fault_set` and its name, which equals the name of the member.
struct fault_name {
  std::string_view name;
  bool fault_set::*flag;
};
std::span<const fault_name> fault_names();

/// Faults to leave out of those that a seed draws. The remaining faults keep their times and kinds,
/// as long as the run does not diverge.
struct fault_choice {
  fault_set without;                         ///< kinds of faults to leave out
  std::optional<std::vector<fault_id>> only; ///< if set: the only named faults to keep; sorted
};

/// The rates that one seed draws from a `fault_set`: probabilities per message, per effect or per
/// decision, and times in microseconds.
struct fault_rates {
  double loss = 0;
  double duplication = 0;
  double replay = 0;
  double crash_in_batch = 0;
  double objection = 0;
  double lost_answer = 0;
  double unreachable_hint = 0;
  double lazy_drain = 0;
  double sync_failure = 0;
  double disk_stall = 0;
  double damage = 0;
  double lost_disk = 0;
  std::int64_t delay_min = 100;
  std::int64_t delay_jitter = 0;
  std::int64_t sync_min = 50;
  std::int64_t sync_jitter = 0;
  std::int64_t apply_lag = 0;
  std::int64_t flush_every = 200'000;
  std::int64_t drift_ppm = 0;
  /// Mean time between two faults of any of the kinds below, in microseconds; 0: none.
  std::int64_t fault_every = 0;
  bool crashes = false;
  bool mass_crashes = false;
  bool partitions = false;
  bool clogs = false;
  bool pauses = false;
  bool clock_jumps = false;
  bool transfers = false;
  bool member_changes = false;
  bool wiped_disks = false;
  bool lost_states = false;

  static fault_rates draw(const fault_set& allowed, spi::random_source& random);
  /// Removes kinds of faults; the others keep their rates.
  void remove(const fault_set& kinds);
  /// Lists the faults and their rates as text, for the report of a failure.
  std::string describe() const;
};

} // namespace atl::sim
