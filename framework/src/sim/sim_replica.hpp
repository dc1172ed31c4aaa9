#pragma once

#include "fault_schedule.hpp"
#include "membership.hpp"
#include "sim_disk.hpp"

#include <atoll/core/consensus_driver.hpp>
#include <atoll/core/slot_pool.hpp>
#include <atoll/sim/register_machine.hpp>
#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/spi/consensus.hpp>

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

/// Where the answer to a proposal or a read goes.
struct request_owner {
  std::uint64_t client = 0;  ///< 0: a script
  std::uint64_t attempt = 0; ///< the client's attempt, or the script's ticket
  std::uint64_t tag = 0;     ///< of the command, if it has one
  std::uint64_t key = 0;     ///< of a read
  std::uint64_t content = 0; ///< a hash of the command; 0: the request is no command
};

/// A state machine at some index, as a snapshot holds it.
using machine_image = std::shared_ptr<const register_machine>;

/// The simulated environment of a replica's driver: a disk, a clock and a state machine, each with
/// faults. Checks what the driver does.
class sim_replica final : private consensus_driver::environment {
 public:
  sim_replica(simulator& sim, spi::replica_id id);

  spi::replica_id id() const { return id_; }
  bool up() const { return protocol_ != nullptr; }
  /// The replica's process runs, and is kept out of the group.
  bool kept_out() const { return membership_.asks(); }
  const std::string& admission_refusal() const { return admission_refusal_; }
  const membership& belongs_to() const { return membership_; }
  bool stopped_itself() const { return !fatal_.empty(); }
  const std::string& fatal_reason() const { return fatal_; }
  std::uint64_t incarnation() const { return incarnation_; }
  sim_disk& storage() { return disk_; }
  const register_machine& machine() const { return machine_; }
  spi::consensus& protocol() { return *protocol_; }
  /// The last index that its state machine was told to apply or to install.
  spi::log_index delivered() const { return delivered_; }

  /// As the protocol last said; at its start, those of the group's birth.
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
  /// A spare that isn't wanted yet, or a replica that is retired, never starts.
  bool absent() const { return absent_; }
  void set_absent() { absent_ = true; }
  /// A spare starts when it is first wanted.
  void start_spare();
  /// Stops for good, and its disk is lost.
  void retire();
  bool retired() const { return retired_; }

  // -- faults
  void start();
  /// Everything not durable is gone, except for what the disk did of it by chance.
  /// @param kept how many of the writes under way; none: drawn at random.
  void crash(std::string_view why, std::optional<std::size_t> kept = {});
  void lose_disk();
  /// The disk is lost, and another, empty one is there under the same id.
  void wipe();
  void fail_next_sync() { fail_sync_ = true; }
  /// Crash while the next sync is under way: a message that left before its record is durable is
  /// then seen to have left too early.
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
  void on_validated(std::uint64_t ticket, bool ok, std::string_view reason);
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
    spi::log_index install = 0; ///< instead: take over the snapshot up to here
  };
  /// The entry that is being applied, and what the state machine answered to it.
  struct applied_entry {
    const spi::committed_entry* entry = nullptr;
    register_answer result;
  };

  // -- environment
  spi::timestamp now() const override { return spi::timestamp{local_now()}; }
  void schedule_drain() override;
  void before_effect(const spi::effect& next) override;
  void between_steps() override;
  void persist(spi::persist records) override;
  void transmit(spi::replica_id to, std::string bytes, spi::persist_token waited_for) override;
  void apply(std::vector<spi::committed_entry> entries) override;
  void validate(const spi::validate& question) override;
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

  /// Tells the protocol, if the replica is up.
  template <class Event>
  void tell(Event event) {
    if (up())
      driver_->call(event);
  }
  void start_protocol();
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

  simulator& simulator_;
  const spi::replica_id id_;
  injection_points points_;
  spi::random_source random_;
  std::unique_ptr<spi::consensus> protocol_; ///< null: the replica is down
  /// Stays, stopped, while the replica is down: a crash may come in the middle of a step.
  std::unique_ptr<consensus_driver> driver_;
  std::string fatal_;
  membership membership_;
  std::string admission_refusal_;
  bool absent_ = false;
  bool retired_ = false;
  std::uint64_t incarnation_ = 0;
  sim_disk disk_;
  std::size_t effects_in_drain_ = 0;
  spi::persist_token durable_ = 0;
  /// The record that the message being carried out has to wait for; 0: none.
  spi::persist_token must_wait_for_ = 0;

  // Clock: local time = base + (time since `clock_from_`) at a rate.
  std::int64_t clock_base_ = 0;
  std::int64_t clock_from_ = 0;
  std::int64_t clock_ppm_ = 0;
  std::int64_t armed_ = 0;        ///< when the timer goes off; 0: it isn't set
  std::uint32_t idle_timers_ = 0; ///< in a row, without effects
  std::int64_t idle_since_ = 0;   ///< when the first of them went off
  std::int64_t paused_until_ = 0;

  // Durability.
  bool fail_sync_ = false;
  bool crash_in_sync_ = false;
  std::int64_t stall_ = 0;
  bool drain_pending_ = false;
  bool apply_pending_ = false;

  // State machine.
  register_machine machine_;
  machine_image durable_machine_;
  std::deque<to_apply> apply_queue_;
  std::optional<applied_entry> applying_;
  spi::log_index delivered_ = 0;
  std::uint64_t delivered_chain_ = 0;
  bool rejects_validations_ = false;
  machine_image received_; ///< the snapshot that came last

  slot_pool<request_owner> requests_; ///< without an answer
};

} // namespace atl::sim
