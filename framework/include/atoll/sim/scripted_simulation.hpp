#pragma once

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

enum class answer_kind : std::uint8_t {
  pending, ///< not yet
  applied, ///< committed and applied, with `result`
  read,    ///< `result` is what the key holds
  refused, ///< surely took no effect
  unknown, ///< may take effect
  lost,    ///< the replica stopped before it answered
};

/// What became of a proposal or a read.
struct answer {
  answer_kind kind = answer_kind::pending;
  spi::log_index index = 0; ///< where it stands; for a read, what the answer includes
  register_answer result;
  spi::replica_id hint = 0; ///< of a refusal: who to ask
  std::string reason;
};

/// What a script lets a message do.
enum class filter_action : std::uint8_t { pass, drop, hold };
using message_filter =
    std::function<filter_action(spi::replica_id from, spi::replica_id to, std::string_view bytes)>;

class simulator;

/// A group of replicas that does what a script says, for tests of one scenario. All
/// checks of `simulate` but those of a client's history are on; look at `violation()` at the end.
///
/// A simulation has one thread and its own time, in microseconds since its start; nothing happens
/// but in `run_for` and `run_until`. Replicas have the ids 1, 2, 3, …; they start in the first
/// millisecond. Messages take 100 µs and syncs 50 µs, unless a script holds them up.
class scripted_simulation {
 public:
  using duration = std::chrono::microseconds;
  using ticket = std::uint64_t;

  /// Of `options`, what faults and clients do is left aside.
  scripted_simulation(const simulation_options& options, const consensus_factory& factory);
  ~scripted_simulation();
  scripted_simulation(const scripted_simulation&) = delete;
  scripted_simulation& operator=(const scripted_simulation&) = delete;

  // -- time
  duration now() const;
  void run_for(duration time);
  /// @returns whether `done` came true within `limit`.
  bool run_until(const std::function<bool()>& done, duration limit = std::chrono::seconds{30});

  // -- requests
  ticket propose(spi::replica_id at, std::string command);
  ticket propose(spi::replica_id at, const register_command& command);
  ticket read(spi::replica_id at, std::uint64_t key,
              spi::read_level level = spi::read_level::linearizable);
  /// Makes these the group's members; replicas that never ran are started.
  ticket reconfigure(spi::replica_id at, std::vector<spi::replica_id> voters,
                     std::vector<spi::replica_id> learners = {});
  void transfer(spi::replica_id at, spi::replica_id to);
  /// The operator's word, given to `at`, that the disk of `lost` is gone.
  void declare_lost(spi::replica_id at, spi::replica_id lost);
  const answer& outcome(ticket it) const;
  /// Runs until there is an answer, at most `limit`.
  const answer& await(ticket it, duration limit = std::chrono::seconds{30});

  // -- replicas
  bool up(spi::replica_id id) const;
  spi::consensus_status status(spi::replica_id id) const; ///< of one that is up
  spi::log_index applied(spi::replica_id id) const;
  /// As the replica's protocol last said; at its start, those of the group's birth.
  spi::members_changed members(spi::replica_id id) const;
  register_value value(spi::replica_id id, std::uint64_t key) const; ///< as its machine has it
  std::string fatal_reason(spi::replica_id id) const; ///< why it stopped itself; empty: it didn't
  /// Why its host doesn't let it take part; empty: it does, or it doesn't run.
  std::string kept_out_because(spi::replica_id id) const;
  /// Its durable records, as (stream, index).
  std::vector<std::pair<std::uint32_t, std::uint64_t>> records(spi::replica_id id) const;

  // -- faults
  /// @param kept how many of the writes under way make it; none: drawn from the seed.
  void crash(spi::replica_id id, std::optional<std::size_t> kept = {});
  void restart(spi::replica_id id);
  /// Crashes it first. Its host lets it take part again, as a protocol that bears it wants.
  void lose_disk(spi::replica_id id);
  /// Crashes it, and starts it again with an empty disk under its old id: its host keeps it out.
  void wipe(spi::replica_id id);
  bool damage(spi::replica_id id, std::uint32_t stream, std::uint64_t index);
  void damage_meta(spi::replica_id id);
  void stall_disk(spi::replica_id id, duration time); ///< the next sync takes so much longer
  void fail_next_sync(spi::replica_id id);
  void pause(spi::replica_id id, duration time);
  void jump_clock(spi::replica_id id, duration time);
  void drift(spi::replica_id id, std::int64_t ppm); ///< its clock runs so much faster from now on
  /// Its state machine says no to every command it is asked about.
  void object(spi::replica_id id, bool on = true);
  void unreachable(spi::replica_id at, spi::replica_id peer);
  void cut(spi::replica_id from, spi::replica_id to, bool on = true);
  void isolate(spi::replica_id id);
  void heal_network();
  void filter(message_filter filter);
  /// Delivers what the filter held back, in its order.
  void release_held();
  void deliver(spi::replica_id from, spi::replica_id to, const std::string& bytes);
  /// Stops a replica, or everybody, right before the effect with this number, counted from 1 over
  /// all replicas and the whole run; they come back 300 ms later.
  void crash_at_effect(std::uint64_t number, bool everybody);

  // -- what came of it
  const std::string& violation() const; ///< empty: none
  const simulation_stats& stats() const;
  std::uint64_t hash() const;

 private:
  std::unique_ptr<simulator> simulator_;
  std::vector<answer> answers_;
};

} // namespace atl::sim
