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

/// Which faults a run may meet. Each seed draws which of them it does meet, and how often (swarm
/// testing: Groce et al., ISSTA '12): a run with every fault at once hides what a run with two of
/// them shows.
struct fault_set {
  bool crashes = false;      ///< one replica stops, also in the middle of a batch of effects
  bool mass_crashes = false; ///< all replicas stop at one moment
  bool loss = false;         ///< messages get lost
  bool duplication = false;  ///< messages arrive twice
  bool reordering = false;   ///< messages overtake each other
  bool replays = false;     ///< messages arrive again seconds later, perhaps in another incarnation
  bool partitions = false;  ///< halves, one alone, rings, bridges, one-way cuts
  bool clogs = false;       ///< a link holds everything back for a while, then delivers it
  bool pauses = false;      ///< a replica does nothing for a while, and then doesn't know
  bool clock_drift = false; ///< clocks run fast or slow, by at most `drift_ppm_max`
  bool clock_jumps = false; ///< clocks jump ahead
  bool disk_stalls = false; ///< a sync takes seconds
  bool sync_failures = false;     ///< a sync fails: the host stops the replica
  bool objections = false;        ///< a state machine says no to some commands
  bool lost_answers = false;      ///< answers to clients get lost, and they try again
  bool unreachable_hints = false; ///< hosts call `on_unreachable`, rightly or wrongly
  bool lazy_hosts = false;        ///< hosts drain after several calls, and apply late
  bool transfers = false;         ///< replicas are told to hand leadership over
  /// Members are added, removed, and replaced when their disk was lost. Wants spare replicas, and a
  /// protocol that changes its members.
  bool member_changes = false;
  /// A member comes back with an empty disk under its old id. Its host refuses to let it take part,
  /// and it is replaced by a spare later: wants spare replicas, and a protocol that changes its
  /// members. At any time a majority of the voters have their disks.
  bool wiped_disks = false;
  std::int64_t drift_ppm_max = 100'000;
  /// Replicas of which a durable record may turn unreadable while they are down.
  std::vector<spi::replica_id> damageable;
  /// Replicas that may come back with an empty disk, and that their hosts let take part again: for
  /// protocols that bear it.
  std::vector<spi::replica_id> losable;

  static fault_set none() { return {}; }
  /// All of the above, except damaged, lost and wiped disks.
  static fault_set all();

  /// Of these, those that a protocol claims to bear with its options. One that trusts clocks bears
  /// none that jumps, and rates that differ by no more than its option `clock_drift` says.
  /// @param trusts_clocks_with the claim: the option that makes it so; empty: none does
  fault_set as_claimed(std::string_view trusts_clocks_with, const spi::options& options) const;
};

/// A flag of a `fault_set` by its name, which is that of the member.
struct fault_name {
  std::string_view name;
  bool fault_set::*flag;
};
std::span<const fault_name> fault_names();

/// What is left out of that which a seed draws. The rest stays as it was drawn, in time and kind,
/// for as long as the run doesn't take another turn.
struct fault_choice {
  fault_set without;                         ///< these kinds
  std::optional<std::vector<fault_id>> only; ///< all but these, of those that have a name; sorted
};

/// What one seed made of a `fault_set`: probabilities per message, per effect or per decision, and
/// times in microseconds.
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
  /// Mean time between two faults of one of the kinds below; 0: none.
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

  static fault_rates draw(const fault_set& allowed, spi::random_source& random);
  /// Takes kinds out; the others stay as they are.
  void remove(const fault_set& kinds);
  /// Names what is in it, for the report of a failure.
  std::string describe() const;
};

} // namespace atl::sim
