#pragma once

#include <atoll/sim/machine_answer.hpp>
#include <atoll/sim/register_machine.hpp>
#include <atoll/sim/simulation.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl::sim {

/// What a script does with a message.
enum class filter_action : std::uint8_t { pass, drop, hold };
using message_filter =
    std::function<filter_action(spi::replica_id from, spi::replica_id to, std::string_view bytes)>;

class simulator;

/// A simulated group of replicas driven by a script, for tests of a single scenario. All checks of
/// `simulate` are made, except those of a client history; test `violation()` at the end.
///
/// Single-threaded, not thread-safe. Simulated time is in microseconds since the start, and passes
/// only in `run_for` and `run_until`. Replicas have the ids 1, 2, 3, …, and start within the first
/// millisecond. Messages take 100 µs and syncs 50 µs, unless the script delays them.
class scripted_simulation {
 public:
  using duration = std::chrono::microseconds;
  using ticket = std::uint64_t;

  /// Faults and workload of `options` are ignored.
  scripted_simulation(const simulation_options& options, const consensus_factory& factory);
  ~scripted_simulation();
  scripted_simulation(const scripted_simulation&) = delete;
  scripted_simulation& operator=(const scripted_simulation&) = delete;

  // -- time
  duration now() const;
  void run_for(duration time);
  /// @returns whether `done` became true within `limit` of simulated time.
  bool run_until(const std::function<bool()>& done, duration limit = std::chrono::seconds{30});

  // -- requests
  ticket propose(spi::replica_id at, std::string command);
  ticket propose(spi::replica_id at, const register_command& command);
  ticket read(spi::replica_id at, std::uint64_t key,
              spi::read_level level = spi::read_level::linearizable);
  /// Proposes these members; starts replicas among them that never ran.
  ticket reconfigure(spi::replica_id at, std::vector<spi::replica_id> voters,
                     std::vector<spi::replica_id> learners = {});
  void transfer(spi::replica_id at, spi::replica_id to);
  /// Declares to replica `at` that the disk of `lost` is gone for good.
  void declare_lost(spi::replica_id at, spi::replica_id lost);
  const answer& outcome(ticket it) const;
  /// Runs until the outcome is known, for at most `limit` of simulated time.
  const answer& await(ticket it, duration limit = std::chrono::seconds{30});

  // -- replicas
  bool up(spi::replica_id id) const;
  spi::consensus_status status(spi::replica_id id) const; ///< the replica must be up
  spi::log_index applied(spi::replica_id id) const;
  /// The members last reported by the replica's protocol; before that, the initial members.
  spi::members_changed members(spi::replica_id id) const;
  /// The value in the replica's state machine.
  register_value value(spi::replica_id id, std::uint64_t key) const;
  /// Why the replica stopped itself; empty: it did not.
  std::string fatal_reason(spi::replica_id id) const;
  /// Why the replica's host does not admit it to the group; empty: admitted, or not running.
  std::string admission_refusal(spi::replica_id id) const;
  /// The replica's durable records, as pairs of stream and index.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> records(spi::replica_id id) const;

  // -- faults
  /// @param kept how many of the unsynced writes survive; none: drawn from the seed.
  void crash(spi::replica_id id, std::optional<std::size_t> kept = {});
  void restart(spi::replica_id id);
  /// Crashes the replica and empties its disk. Its host admits it again after a restart, as for a
  /// protocol that tolerates lost disks.
  void lose_disk(spi::replica_id id);
  /// Crashes the replica and restarts it with an empty disk under its old id. Its host does not
  /// admit it.
  void wipe(spi::replica_id id);
  /// Crashes the replica and damages its copy of the state machine; the log stays.
  void lose_state(spi::replica_id id);
  bool damage(spi::replica_id id, std::uint32_t stream, std::uint64_t index);
  void damage_meta(spi::replica_id id);
  void stall_disk(spi::replica_id id, duration time); ///< the next sync takes longer by `time`
  void fail_next_sync(spi::replica_id id);
  void pause(spi::replica_id id, duration time);
  void jump_clock(spi::replica_id id, duration time);
  /// The replica's clock runs faster by `ppm` from now on.
  void drift(spi::replica_id id, std::int64_t ppm);
  /// Makes the replica's state machine reject every validation.
  void reject_validations(spi::replica_id id, bool on = true);
  void unreachable(spi::replica_id at, spi::replica_id peer);
  void cut(spi::replica_id from, spi::replica_id to, bool on = true);
  void isolate(spi::replica_id id);
  void heal_network();
  void filter(message_filter filter);
  /// Delivers the messages that the filter held, in the order of sending.
  void release_held();
  void deliver(spi::replica_id from, spi::replica_id to, const std::string& bytes);
  /// Crashes the acting replica, or all replicas, right before the effect with this number, counted
  /// from 1 over all replicas since the start; they restart 300 ms later.
  void crash_at_effect(std::uint64_t number, bool all_replicas);

  // -- results
  const std::string& violation() const; ///< empty: none
  const simulation_stats& stats() const;
  std::uint64_t hash() const;

 private:
  std::unique_ptr<simulator> simulator_;
  std::vector<answer> answers_;
};

} // namespace atl::sim
