#pragma once

#include "event_queue.hpp"
#include "fault_schedule.hpp"
#include "hash.hpp"
#include "safety_checker.hpp"
#include "sim_network.hpp"
#include "sim_replica.hpp"

#include <atoll/core/slot_pool.hpp>
#include <atoll/sim/simulated_service.hpp>
#include <atoll/sim/simulation.hpp>
#include <atoll/spi/random.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace atl::sim {

/// A simulated group of replicas in one thread: its clock, event queue and randomness. Not
/// thread-safe.
class simulator {
 public:
  simulator(const simulation_options& options, const consensus_factory& factory,
            const fault_rates& rates);

  const simulation_options& options() const { return options_; }
  std::int64_t now() const { return now_; }
  /// Spares included.
  std::size_t replicas() const { return replicas_.size(); }
  const std::vector<spi::replica_id>& birth_voters() const { return voters_; }
  sim_replica& at(spi::replica_id id) { return *replicas_[id - 1]; }
  sim_network& links() { return network_; }
  safety_checker& checker() { return checker_; }
  simulated_service& service() { return *service_; }
  const fault_schedule& faults() const { return faults_; }
  fault_rates& rates() { return rates_; }
  simulation_stats& stats() { return stats_; }
  std::uint64_t hash() const { return hash_; }
  const std::vector<acted_fault>& acted() const { return faults_.acted(); }

  /// Processes the next event. @returns false when there is none, or a check failed.
  bool step();
  void run_until(std::int64_t at);

  void at_time(std::int64_t at, event_kind kind, spi::replica_id replica, std::uint64_t incarnation,
               std::uint64_t arg = 0) {
    queue_.push({at, 0, arg, incarnation, replica, kind});
  }

  // -- what a replica uses
  std::unique_ptr<spi::consensus> make_protocol(spi::replica_id id, std::uint64_t incarnation);
  std::unique_ptr<consensus_driver> make_driver(consensus_driver::environment& env,
                                                spi::consensus& protocol) const;
  /// @param waited_for the token that the message waited for; 0: none
  void send(spi::replica_id from, spi::replica_id to, std::string bytes,
            spi::persist_token waited_for = 0);
  void send_snapshot(spi::replica_id from, spi::replica_id to, const std::string& blob,
                     const machine_image& image);
  /// A peer's answer to a replica with an empty disk; none: the peer can't be reached.
  std::optional<membership_response> ask_membership(spi::replica_id from, spi::replica_id to);
  /// @param objection of the replica's state machine to the command
  void validated(spi::replica_id id, std::uint64_t incarnation, std::uint64_t ticket,
                 std::optional<std::string> objection);
  /// A replica's state machine objects to the command, by itself and not because of a fault.
  void note_objection(std::uint64_t content) { objections_.insert(content); }
  bool has_objection(std::uint64_t content) const { return objections_.contains(content); }
  /// Called between two effects, where a crash may be injected. @returns whether this replica
  /// crashed.
  bool crash_point(sim_replica& replica);
  void answered(spi::replica_id by, const request_owner& owner, answer what);
  void note(std::uint64_t value) { hash_ = combine(hash_, value); }
  void violate(violation_kind kind, std::string_view what) { checker_.violate(kind, what); }
  /// Decides whether a fault acts at this place now. @returns the RNG for its details.
  std::optional<spi::random_source> should_inject(injection_point& at, double probability) {
    return faults_.should_inject(at, probability, now_);
  }

  bool tracing() const { return static_cast<bool>(options_.trace); }
  template <class... Args>
  void trace(fmt::format_string<Args...> text, Args&&... args) {
    if (tracing())
      trace_line(fmt::format(text, std::forward<Args>(args)...));
  }

  bool observed() const { return static_cast<bool>(options_.observe); }
  /// Passes the event that `make` returns to the observer; does not call `make` without an
  /// observer.
  template <class Make>
  void emit(Make make) {
    if (!observed())
      return;
    run_event it = make();
    it.at = now_;
    options_.observe(it);
  }

  // -- what a simulation uses
  void crash_all(std::string_view why);
  /// Stops all faults, and restarts the replicas that are down.
  void heal();
  /// Crash at the effect with this number, counted from 1 over all replicas.
  void crash_at_effect(std::uint64_t number, bool all_replicas);
  void filter(message_filter filter) { filter_ = std::move(filter); }
  void release_held();
  /// Schedules a client's request at a replica at time `at`: a proposal, or a read if there is no
  /// command.
  void request_at(std::int64_t at, spi::replica_id to, const request_owner& owner,
                  spi::read_level level, std::optional<std::string> command);

  /// Schedules a membership change at a replica at time `at`.
  void reconfigure_at(std::int64_t at, spi::replica_id to, const request_owner& owner,
                      spi::members_changed wanted);

  std::function<void(const request_owner&, answer)> on_answer;
  std::function<void(const request_owner&, const answer&)> on_admin_answer;
  std::function<void()> on_admin;
  /// Wipes the disk of a member if the group tolerates it now. @returns the member, or 0
  std::function<spi::replica_id(const spi::random_source&)> on_wipe;
  std::function<void(std::uint64_t arg)> on_client;
  std::function<void(std::uint64_t arg)> on_fault_due;
  std::function<void(std::uint64_t arg)> on_response;

 private:
  struct packet {
    spi::replica_id from = 0;
    spi::replica_id to = 0;
    std::string bytes; ///< a message, or a snapshot's blob
    machine_image image;
    std::uint64_t number = 0; ///< the number of the message
    std::int64_t sent_at = 0;
  };
  struct request {
    request_owner owner;
    std::optional<std::string> command;          ///< none: a read, or a change of members
    std::optional<spi::members_changed> members; ///< set for a change of members
    spi::read_level level = spi::read_level::linearizable;
  };
  struct validation_result {
    std::uint64_t ticket = 0;
    std::optional<std::string> rejection;
  };

  void dispatch(const event& event);
  void deliver_event(sim_replica& replica, const event& event);
  void restart(sim_replica& replica);
  spi::replica_id wiped_member(const spi::members_changed& wanted);
  void arrive(packet arrived);
  void hint_unreachable(spi::replica_id at, spi::replica_id peer);
  void observe_checks();
  void trace_sent(spi::replica_id from, spi::replica_id to, std::string_view what,
                  const sim_network::arrivals& arrivals);
  void emit_message(run_event_kind what, spi::replica_id from, spi::replica_id to,
                    std::size_t bytes) {
    emit([&] {
      return run_event{
          .what = what, .replica = from, .peer = to, .number = stats_.messages, .bytes = bytes};
    });
  }
  void emit_request(spi::replica_id to, const request& what);
  run_event describe_reply(spi::replica_id by, const request_owner& owner, const answer& what);
  void trace_line(std::string text);

  simulation_options options_;
  consensus_factory factory_;
  std::vector<spi::replica_id> voters_;
  std::int64_t now_ = 1;
  fault_schedule faults_;
  fault_rates rates_;
  event_queue queue_;
  sim_network network_;
  safety_checker checker_;
  std::unique_ptr<simulated_service> service_; ///< outlives all state machines
  std::vector<std::unique_ptr<sim_replica>> replicas_;
  slot_pool<packet> packets_;
  slot_pool<request> requests_;
  slot_pool<validation_result> validation_results_;
  std::unordered_set<std::uint64_t> objections_; ///< `content_hash` of the commands
  std::deque<packet> held_;
  message_filter filter_;
  simulation_stats stats_;
  std::uint64_t hash_ = 0;
  std::uint64_t crash_at_ = 0;
  bool crash_all_replicas_ = false;
};

} // namespace atl::sim
