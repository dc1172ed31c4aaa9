#pragma once

#include <atoll/core/consensus_driver.hpp>
#include <atoll/sim/faults.hpp>
#include <atoll/sim/history.hpp>
#include <atoll/sim/run_event.hpp>
#include <atoll/sim/violation.hpp>
#include <atoll/spi/consensus.hpp>
#include <atoll/spi/random.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace atl::sim {

/// Creates the protocol of one replica; called at each start of a replica. May throw whatever a
/// plugin's `create_consensus` may throw.
using consensus_factory =
    std::function<std::unique_ptr<spi::consensus>(const spi::consensus_setup&)>;

/// Makes the driver of one replica's protocol, at each start of the replica.
using driver_factory = std::function<std::unique_ptr<consensus_driver>(
    consensus_driver::environment&, spi::consensus&)>;

/// Receives the trace of a run, one line per call, on the thread that runs the simulation.
using trace_sink = std::function<void(std::string_view)>;

class simulated_service;
struct simulation_options;

/// Makes what a simulated group replicates, at the beginning of each run.
/// @param random for what the clients of the run have in common
using service_factory = std::function<std::unique_ptr<simulated_service>(
    const simulation_options& options, spi::random_source random)>;

/// Behaviour of the simulated clients.
struct workload_options {
  std::uint32_t clients = 4;
  /// Number of keys at most; half of them registers, the others counters. Another
  /// `simulation_options::service` has no keys, and no `payload`.
  std::uint32_t keys = 5;
  double reads = 0.4;      ///< probability that an operation is a linearizable read, 0 to 1; every
                           ///< second client reads nearly always
  std::size_t payload = 0; ///< bytes added to each command
  std::chrono::microseconds think{10'000}; ///< mean pause between two operations of a client
  std::chrono::microseconds attempt_timeout{800'000}; ///< time after which an operation is retried
  std::chrono::microseconds give_up{4'000'000};       ///< then the outcome counts as unknown
};

/// Limits that a correct protocol stays below; exceeding one is reported as `unbounded`.
struct bounds {
  std::size_t effects_a_drain = 100'000;
  std::size_t message_bytes = spi::message_bytes_max;
  std::size_t unsent_messages = 100'000; ///< messages that wait for a sync
  std::size_t pending = 100'000;         ///< `consensus_status::pending`
  std::size_t in_flight = 1'000'000;     ///< messages in flight, of all replicas together
  std::size_t records = 1'000'000;       ///< records on one disk
  /// Number of consecutive timers without effects that are less than `idle_timer_us` apart on
  /// average.
  std::uint32_t idle_timers = 1'000;
  std::int64_t idle_timer_us = 10;
};

struct simulation_options {
  std::uint64_t seed = 1;
  std::uint32_t replicas = 3; ///< initial replicas, with the ids 1, 2, 3, …
  std::uint32_t spares = 0;   ///< further replicas, with the next ids, that may join
  /// Ids that the protocol sees for replicas and spares: one for each, distinct and above 0.
  /// Reports still number the replicas 1, 2, 3, …. Empty: the protocol sees these numbers.
  std::vector<spi::replica_id> ids{};
  /// Length of phase one: faults are injected, and safety is checked.
  std::chrono::microseconds duration{10'000'000};
  /// Limit of phase two: all faults are healed, and within this time every client must be answered
  /// and all replicas must agree.
  std::chrono::microseconds liveness_bound{30'000'000};
  fault_set faults = fault_set::all(); ///< faults that a seed may draw
  fault_choice choice;                 ///< drawn faults to leave out
  workload_options workload;
  spi::options protocol_options;
  bounds limits;
  bool demand_liveness = true;
  bool fatal_is_failure = true; ///< whether a protocol that stops itself fails the run
  /// True: a replica that throws is stopped like one that stops itself, and the run continues,
  /// which shows what promises break afterwards. False: the run fails.
  bool exceptions_stop_replicas = false;
  /// Whether a proposal at two indexes is a violation. (The registers apply the command once in any
  /// case.) Of another `service` only those proposals are told apart that its `tag_of` identifies.
  bool propose_once = true;
  /// Members are lost for good only while no request is pending and every voter has applied all
  /// that is committed. For protocols that block until an operator decides when a decision was lost
  /// with a disk.
  bool lose_at_rest = false;
  /// Whether members may be lost for good and their disks wiped, where the faults allow it. False
  /// for protocols whose quorums may need every voter.
  bool lose_members = true;
  /// Hosts admit a replica whose disk was wiped under its id, and no administrator replaces it. For
  /// tests that show why hosts must refuse.
  bool admit_wiped = false;
  /// Makes drivers with a mistake, for tests that show that the simulator notices them. Empty:
  /// drivers as a cluster runs them.
  driver_factory make_driver;
  /// What the group replicates. Empty: registers and counters, whose history is checked to be
  /// linearizable.
  service_factory service;
  std::uint64_t linearizability_steps = 5'000'000;
  trace_sink trace;   ///< empty: none
  event_sink observe; ///< empty: none
};

struct simulation_stats {
  std::uint64_t calls = 0;  ///< calls into the protocols
  std::uint64_t events = 0; ///< events of the simulation
  std::uint64_t effects = 0;
  std::uint64_t messages = 0; ///< sent
  std::uint64_t dropped = 0;  ///< messages lost, cut off, or sent to a replica that was down
  std::uint64_t syncs = 0;
  std::uint64_t committed = 0; ///< committed indexes
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;  ///< operations that certainly had no effect
  std::uint64_t unknown = 0; ///< operations whose outcome their client never learned
  std::uint64_t starts = 0;
  std::uint64_t crashes = 0;
  std::uint64_t snapshots = 0;      ///< installed
  std::uint64_t member_changes = 0; ///< committed
  std::uint64_t damaged = 0;
  std::uint64_t lost_disks = 0; ///< lost disks, including wiped ones
  std::uint64_t wiped_disks = 0;
  std::uint64_t lost_states = 0; ///< state machines that were damaged
  std::uint64_t fatals = 0;
};

struct simulation_report {
  bool ok = true;
  violation_kind kind = violation_kind::none;
  /// Time of the failure, or of the end of the run, in microseconds since the start.
  std::int64_t failed_at = 0;
  std::string reason; ///< what was violated, when, and by which replica
  std::string faults; ///< the faults that the seed drew
  std::uint64_t seed = 0;
  std::uint64_t hash = 0; ///< hash of all events of the run; equal for equal seeds and options
  bool checked = true;    ///< false: the check of linearizability exceeded its step limit
  simulation_stats stats;
  std::vector<acted_fault> acted; ///< in order of time
  history operations;

  /// Seed, faults and reason as text for people.
  std::string summary() const;
};

/// The fault rates that the seed draws, without the faults that are left out.
fault_rates drawn_rates(const simulation_options& options);

/// Runs a simulated group of replicas in the calling thread, with all randomness drawn from one
/// seed; see `scripted_simulation` for simulated time. Concurrent calls are safe if factory and
/// sinks are.
///
/// Always checked: all replicas commit the same value at an index, without gaps, and each index
/// once per start; each request is answered once; each term has one leader, and terms never
/// decrease; queues stay bounded; after the faults have stopped, clients are answered and the
/// replicas agree within `liveness_bound`.
///
/// Of registers and counters also: a proposal refused as `not_proposed` or `busy` is never
/// committed; no answered operation is lost; the clients' history is linearizable. With
/// `simulation_options::service` the service checks what its machines and clients see
/// (`simulate_service` names what), and refused proposals are checked if its `tag_of` identifies
/// them.
simulation_report simulate(const simulation_options& options, const consensus_factory& factory);

} // namespace atl::sim
