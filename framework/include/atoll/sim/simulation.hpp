#pragma once

#include <atoll/sim/faults.hpp>
#include <atoll/sim/history.hpp>
#include <atoll/sim/run_event.hpp>
#include <atoll/sim/violation.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace atl::sim {

/// Makes one replica's protocol. Called at each start of a replica; may throw what a plugin's
/// `create_consensus` may throw.
using consensus_factory =
    std::function<std::unique_ptr<spi::consensus>(const spi::consensus_setup&)>;

/// Receives a run's trace, a line a call.
using trace_sink = std::function<void(std::string_view)>;

/// What the simulated clients do.
struct workload_options {
  std::uint32_t clients = 4;
  std::uint32_t keys = 5;  ///< at most; half of them registers, the others counters
  double reads = 0.4;      ///< share of linearizable reads; every other client reads nearly always
  std::size_t payload = 0; ///< bytes added to each command
  std::chrono::microseconds think{10'000};            ///< mean pause between two operations
  std::chrono::microseconds attempt_timeout{800'000}; ///< then it is tried again
  std::chrono::microseconds give_up{4'000'000};       ///< then its outcome is unknown
};

/// What a healthy run stays below; one that doesn't grows without bound, or spins.
struct bounds {
  std::size_t effects_a_drain = 100'000;
  std::size_t message_bytes = spi::message_bytes_max;
  std::size_t unsent_messages = 100'000; ///< that wait for a sync
  std::size_t pending = 100'000;         ///< `consensus_status::pending`
  std::size_t in_flight = 1'000'000;     ///< messages on their way, of all replicas together
  std::size_t records = 1'000'000;       ///< on one disk
  /// Timers in a row that make no effects, with less than `idle_timer_us` between them on average.
  std::uint32_t idle_timers = 1'000;
  std::int64_t idle_timer_us = 10;
};

struct simulation_options {
  std::uint64_t seed = 1;
  std::uint32_t replicas = 3; ///< with the ids 1, 2, 3, …
  std::uint32_t spares = 0;   ///< with the ids behind them, that may be added to the group
  /// As the protocol knows replicas and spares, one for each, all different and none 0; all else
  /// goes on to number them 1, 2, 3, … Empty: the protocol knows them by these numbers.
  std::vector<spi::replica_id> ids{};
  /// Phase one: faults, and safety is demanded.
  std::chrono::microseconds duration{10'000'000};
  /// Phase two: all is healed; so long the group may take until each client got answers again and
  /// all replicas agree.
  std::chrono::microseconds liveness_bound{30'000'000};
  fault_set faults = fault_set::all(); ///< that a seed may draw
  fault_choice choice;                 ///< what of them is left out
  workload_options workload;
  spi::options protocol_options;
  bounds limits;
  bool demand_liveness = true;
  bool fatal_is_failure = true; ///< a protocol that stops itself fails the run
  /// A replica that throws is stopped, like one that stops itself, and the run goes on: to see what
  /// promises are broken then. False: the run fails.
  bool exceptions_stop_replicas = false;
  /// A proposal may stand at one index only. (The state machine would apply it once anyway.)
  bool propose_once = true;
  /// A member is lost for good only when all is at rest. For protocols that block when a decision
  /// went with a disk, and then wait for people.
  bool lose_at_rest = false;
  /// Members are lost for good, and their disks are wiped, where the faults allow it. False for
  /// protocols whose quorums may need every voter.
  bool lose_members = true;
  /// Hosts let a replica take part whose disk was wiped under its id, as if it had promised nothing
  /// before, and no administrator replaces it. For tests that show what the refusal is good for.
  bool admit_wiped = false;
  std::uint64_t linearizability_steps = 5'000'000;
  trace_sink trace;   ///< empty: none
  event_sink observe; ///< empty: none
};

struct simulation_stats {
  std::uint64_t calls = 0;  ///< into the protocol: the events that it saw
  std::uint64_t events = 0; ///< of the simulation
  std::uint64_t effects = 0;
  std::uint64_t messages = 0; ///< sent
  std::uint64_t dropped = 0;  ///< of those, lost, cut off, or sent to a replica that was down
  std::uint64_t syncs = 0;
  std::uint64_t committed = 0; ///< indexes
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;  ///< operations that surely took no effect
  std::uint64_t unknown = 0; ///< operations whose outcome their client never learnt
  std::uint64_t starts = 0;
  std::uint64_t crashes = 0;
  std::uint64_t snapshots = 0;      ///< installed
  std::uint64_t member_changes = 0; ///< committed
  std::uint64_t damaged = 0;
  std::uint64_t lost_disks = 0; ///< wiped ones included
  std::uint64_t wiped_disks = 0;
  std::uint64_t fatals = 0;
};

struct simulation_report {
  bool ok = true;
  violation_kind kind = violation_kind::none;
  std::int64_t failed_at = 0; ///< when, in microseconds since the start; else when the run ended
  std::string reason;         ///< what was violated, when, by whom
  std::string faults;         ///< what the seed drew
  std::uint64_t seed = 0;
  std::uint64_t hash = 0; ///< of everything that happened: the same for the same seed
  bool checked = true;    ///< false: the linearizability of the history was not settled in bound
  simulation_stats stats;
  std::vector<acted_fault> acted; ///< in their order
  history operations;

  /// Seed, faults and reason, for people.
  std::string summary() const;
};

/// What the seed makes of the faults, without those that are left out.
fault_rates drawn_rates(const simulation_options& options);

/// Runs a group of replicas in one thread, all drawn from one seed. See
/// `scripted_simulation` for how time passes. Always checked: one value an index on all replicas,
/// without gaps and each index once a run; what was refused as `not_proposed` or `busy` never shows
/// up; each request is answered once; one leader a term, and terms that only grow; nothing that was
/// answered is lost; the clients' history is linearizable; queues stay bounded; after the faults
/// have stopped, clients are answered and the replicas agree within `liveness_bound`.
simulation_report simulate(const simulation_options& options, const consensus_factory& factory);

} // namespace atl::sim
