#pragma once

#include "fault_schedule.hpp"
#include "hash.hpp"
#include "logged_machine.hpp"
#include "sim_disk.hpp"
#include "sim_membership.hpp"

#include <atoll/core/consensus_driver.hpp>
#include <atoll/core/proposal_clock.hpp>
#include <atoll/core/slot_pool.hpp>
#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::sim {

class simulator;

/// The destination of the answer to a proposal or a read.
struct request_owner {
  std::uint64_t client = 0;  ///< 0: a script
  std::uint64_t attempt = 0; ///< the client's attempt, or the script's ticket
  std::uint64_t tag = 0;     ///< of the command; 0: none
  std::uint64_t query = 0;   ///< of a read
  std::uint64_t content = 0; ///< `content_hash` of the command; 0: the request is no command
};

/// Identifies a command that a replica has stamped; never 0.
inline std::uint64_t content_hash(std::string_view command) {
  return hash_bytes(command) | 1;
}

/// The simulated environment of a replica's driver: a disk, a clock and a state machine, each with
/// faults. Checks what the driver does.
class sim_replica final : private consensus_driver::environment {
 public:
  sim_replica(simulator& sim, spi::replica_id id);

  spi::replica_id id() const { return id_; }
  bool up() const { return protocol_ != nullptr; }
  /// Does the process run while the host does not admit the replica to the group?
  bool is_awaiting_admission() const { return membership_.is_asking(); }
  const std::string& admission_refusal() const { return admission_refusal_; }
  const sim_membership& group_membership() const { return membership_; }
  bool stopped_itself() const { return !fatal_.empty(); }
  const std::string& fatal_reason() const { return fatal_; }
  std::uint64_t incarnation() const { return incarnation_; }
  sim_disk& storage() { return disk_; }
  const logged_machine& machine() const { return machine_; }
  spi::consensus& protocol() { return *protocol_; }
  /// The last index that was delivered to the state machine, to be applied or installed.
  spi::log_index delivered() const { return delivered_; }

  /// The members that the protocol reported last; before that, the group's first voters.
  const spi::members_changed& members() const;

  /// Where faults of a replica may act.
  struct injection_points {
    injection_point batch_crash, disk_stall, sync_failure, objection, unreachable, damage,
        lost_disk;
  };
  injection_points& points() { return points_; }
  /// Randomness that belongs to no fault; seeded again for each incarnation.
  spi::random_source& random() { return random_; }

  // -- start and end
  /// Is the replica a spare that no change of members has named yet, or decommissioned? Such a
  /// replica never starts.
  bool is_undeployed() const { return undeployed_; }
  void set_undeployed() { undeployed_ = true; }
  /// Starts a spare that a change of members names for the first time.
  void start_spare();
  /// Stops the replica for good; its disk is lost.
  void decommission();
  bool is_decommissioned() const { return decommissioned_; }

  // -- faults
  void start();
  /// Loses everything that is not durable, except writes under way that happen to survive.
  /// @param kept how many of the writes under way survive; none: drawn at random.
  void crash(std::string_view why, std::optional<std::size_t> kept = {});
  void lose_disk();
  /// Replaces the disk by an empty disk; the replica keeps its id.
  void wipe();
  /// Crashes; the state machine's copy here is damaged from then on, and the log is intact.
  void lose_state();
  /// Is the state machine's copy here still to be rebuilt?
  bool has_lost_state() const { return lost_state_; }
  void fail_next_sync() { fail_sync_ = true; }
  /// Crash while the next sync is under way: this detects a message that left before its record was
  /// durable.
  void crash_in_next_sync() { crash_in_sync_ = true; }
  void stall_next_sync(std::int64_t time) { stall_ = time; }
  void pause_until(std::int64_t at) { paused_until_ = at; }
  std::int64_t paused_until() const { return paused_until_; }
  void reject_validations(bool on) { rejects_validations_ = on; }
  bool rejects_validations() const { return rejects_validations_; }
  void drift(std::int64_t ppm);
  void jump(std::int64_t time) { clock_base_ += time; }

  // -- events
  void deliver(spi::replica_id from, std::string_view bytes);
  void take_snapshot(spi::log_index index, const std::string& blob, machine_image image);
  void on_timer(std::int64_t armed);
  void on_synced();
  void on_validated(std::uint64_t ticket, std::optional<std::string> rejection);
  void on_drain();
  void on_apply();
  void on_flush();
  void ask_for_admission();
  void on_unreachable(spi::replica_id peer);
  void on_snapshot_sent(spi::replica_id to, bool ok);
  void propose(std::string command, const request_owner& owner);
  void read(const request_owner& owner, spi::read_level level);
  void reconfigure(const request_owner& owner, spi::members_changed wanted);
  void transfer(spi::replica_id to);
  void declare_lost(spi::replica_id id);

 private:
  struct to_apply {
    spi::committed_entry entry;
    std::uint64_t chain = 0;
    spi::log_index install = 0; ///< instead of an entry: installs the snapshot up to this index
  };
  /// The entry that is being applied, and the state machine's answer.
  struct applied_entry {
    const spi::committed_entry* entry = nullptr;
    machine_answer result;
  };

  // -- environment
  spi::timestamp now() const override { return spi::timestamp{local_now()}; }
  void schedule_drain() override;
  void before_effect(const spi::effect& next) override;
  void between_steps() override;
  void persist(spi::persist records) override;
  void transmit(spi::replica_id to, std::string bytes, spi::persist_token waited_for) override;
  void apply(std::vector<spi::committed_entry> entries) override;
  void validate(const spi::validate& request) override;
  void send_snapshot(spi::replica_id to) override;
  void install_snapshot(spi::log_index index) override;
  void reply(request_handle to, std::string answer) override;
  void refuse(request_handle to, spi::refuse why) override;
  void answer_reads(std::span<const request_handle> reads) override;
  void refuse_read(request_handle to, spi::read_refused why) override;
  void on_members_changed() override;
  void on_role_changed(const spi::role_changed& role) override;
  void on_unknown_request(spi::request_id id) override;
  void on_failure(driver_failure kind, std::string what) override;

  /// Passes an event to the protocol, if the replica is up.
  template <class Event>
  void call_protocol(Event event) {
    if (up())
      driver_->call(event);
  }
  std::pair<machine_image, std::optional<std::string>> draw_snapshot();
  void start_protocol();
  bool rebuild_state();
  void drain_now();
  void stop_itself(std::string why);
  void emit_applied(const std::vector<spi::committed_entry>& entries);
  void start_sync();
  void apply_queued();
  void install(spi::log_index index);
  void check_content(const request_owner& owner);
  void rearm();
  void violate(violation_kind kind, std::string_view what);
  void check_bounds();

  std::int64_t local(std::int64_t at) const;
  std::int64_t local_now() const;
  std::int64_t global(std::int64_t local_time) const;
  /// What the replica's operating system tells, since 1970.
  std::chrono::microseconds wall_clock() const;
  void draw_wall_clock();

  simulator& simulator_;
  const spi::replica_id id_;
  injection_points points_;
  spi::random_source random_;
  std::unique_ptr<spi::consensus> protocol_; ///< null: the replica is down
  /// Kept, stopped, while the replica is down, because a crash may happen in the middle of a step.
  std::unique_ptr<consensus_driver> driver_;
  std::string fatal_;
  sim_membership membership_;
  std::string admission_refusal_;
  bool undeployed_ = false;
  bool decommissioned_ = false;
  /// Until what the protocol took from the snapshot is durable.
  bool lost_state_ = false;
  std::uint64_t incarnation_ = 0;
  sim_disk disk_;
  std::size_t effects_in_drain_ = 0;
  spi::persist_token durable_ = 0;
  /// The record that must be durable before the present message may leave; 0: none.
  spi::persist_token waits_for_record_ = 0;

  // Clock: local time = base + (time since `clock_from_`) at a rate.
  std::int64_t clock_base_ = 0;
  std::int64_t clock_from_ = 0;
  std::int64_t clock_ppm_ = 0;
  std::int64_t armed_ = 0;        ///< when the timer fires; 0: not set
  std::uint32_t idle_timers_ = 0; ///< consecutive timers without effects
  std::int64_t idle_since_ = 0;   ///< when the first of these timers fired
  std::int64_t paused_until_ = 0;

  // Durability.
  bool fail_sync_ = false;
  bool crash_in_sync_ = false;
  std::int64_t stall_ = 0;
  bool drain_pending_ = false;
  bool apply_pending_ = false;

  // State machine.
  logged_machine machine_;
  machine_image durable_machine_;
  proposal_clock stamps_; ///< stamps the commands that this replica proposes
  std::int64_t wall_clock_base_ = 0;
  std::deque<to_apply> apply_queue_;
  std::optional<applied_entry> applying_;
  spi::log_index delivered_ = 0;
  std::uint64_t delivered_chain_ = 0;
  bool rejects_validations_ = false;
  machine_image received_; ///< the snapshot that arrived last

  slot_pool<request_owner> requests_; ///< unanswered requests
};

} // namespace atl::sim
