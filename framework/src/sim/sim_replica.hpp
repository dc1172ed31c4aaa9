#pragma once

#include "fault_schedule.hpp"
#include "membership.hpp"
#include "sim_disk.hpp"

#include <atoll/sim/register_machine.hpp>
#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace atl::sim {

class simulator;

/// Who waits for the answer to a proposal or a read.
struct request_owner {
  std::uint64_t client = 0;  ///< 0: a script
  std::uint64_t attempt = 0; ///< the client's attempt, or the script's ticket
  std::uint64_t tag = 0;     ///< of the command, if it has one
  std::uint64_t key = 0;     ///< of a read
  std::uint64_t content = 0; ///< a hash of the command; 0: it is none
};

/// A state machine at some index, as a snapshot holds it.
using machine_image = std::shared_ptr<const register_machine>;

/// A replica's host: carries out the effects of its protocol exactly as the interface says, on a
/// disk, a clock and a state machine of its own.
class sim_replica {
 public:
  sim_replica(simulator& sim, spi::replica_id id);

  spi::replica_id id() const { return id_; }
  bool up() const { return protocol_ != nullptr; }
  /// Its process runs, and its host keeps it out of the group.
  bool kept_out() const { return membership_.asks(); }
  const std::string& kept_out_because() const { return kept_out_because_; }
  const membership& belongs_to() const { return membership_; }
  bool stopped_itself() const { return !fatal_.empty(); }
  const std::string& fatal_reason() const { return fatal_; }
  std::uint64_t incarnation() const { return incarnation_; }
  sim_disk& storage() { return disk_; }
  const register_machine& machine() const { return machine_; }
  spi::consensus& protocol() { return *protocol_; }
  spi::log_index given() const { return given_; } ///< told to apply

  /// As the protocol last said; at its start, those of the group's birth.
  const spi::members_changed& members() const { return members_; }

  /// Where faults of a replica may act.
  struct injection_points {
    injection_point batch_crash, disk_stall, sync_failure, objection, unreachable, damage,
        lost_disk;
  };
  injection_points& points() { return points_; }
  /// Chance that is no fault's; begins anew with each incarnation.
  spi::random_source& random() { return random_; }

  // -- life
  /// A spare that isn't born yet, or one that is retired, never starts.
  bool absent() const { return absent_; }
  void set_absent() { absent_ = true; }
  /// A spare starts when it is first wanted.
  void bear();
  /// Stops for good; its disk is lost.
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
  /// Stop while the next sync is under way: what left too early is then seen to have done so.
  void crash_in_next_sync() { crash_in_sync_ = true; }
  void stall_next_sync(std::int64_t time) { stall_ = time; }
  void pause_until(std::int64_t at) { paused_until_ = at; }
  std::int64_t paused_until() const { return paused_until_; }
  void object(bool on) { objects_ = on; }
  bool objects() const { return objects_; }
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
  struct held_send {
    spi::replica_id to = 0;
    spi::persist_token after = 0;
    std::string bytes;
  };
  struct to_apply {
    spi::committed_entry entry;
    std::uint64_t chain = 0;
    spi::log_index install = 0; ///< instead: take over the snapshot up to here
  };
  struct waiting_read {
    spi::log_index index = 0;
    request_owner owner;
  };

  /// Calls the protocol, the way the interface asks for it.
  template <class Call>
  void call(Call what) {
    if (up() && is_passed([&] {
          before_call();
          what(*protocol_);
        }))
      after_call();
  }
  /// @returns false when the protocol threw
  template <class Call>
  bool is_passed(Call call) {
    try {
      call();
      return true;
    } catch (const std::exception& error) {
      threw(error.what());
    } catch (...) {
      threw("something that is no std::exception");
    }
    return false;
  }
  void start_protocol();
  void before_call();
  void after_call();
  void threw(const char* what);
  void drain_now();
  void execute(std::vector<spi::effect>& batch);
  void carry_out(spi::persist& it);
  void carry_out(spi::send& it);
  void carry_out(spi::apply& it);
  void carry_out(spi::refuse& it);
  void carry_out(spi::read_ready& it);
  void carry_out(spi::read_refused& it);
  void carry_out(spi::validate& it);
  void carry_out(spi::send_snapshot& it);
  void carry_out(spi::install_snapshot& it);
  void carry_out(spi::members_changed& it);
  void carry_out(spi::role_changed& it);
  void carry_out(spi::fatal& it);
  void show_applied(const spi::apply& it);
  void release_sends();
  void start_sync();
  void apply_queued();
  void install(spi::log_index index);
  void answer_reads();
  bool take_owner(spi::request_id id, request_owner& owner);
  void check_content(const spi::committed_entry& entry, const request_owner& owner);
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
  std::unique_ptr<spi::consensus> protocol_;
  std::string fatal_;
  spi::members_changed members_;
  membership membership_;
  std::string kept_out_because_;
  bool absent_ = false;
  bool retired_ = false;
  std::uint64_t incarnation_ = 0;
  sim_disk disk_;
  std::vector<spi::effect> batch_;

  // Clock: local time = base + (time since `clock_from_`) at a rate.
  std::int64_t clock_base_ = 0;
  std::int64_t clock_from_ = 0;
  std::int64_t clock_ppm_ = 0;
  std::int64_t armed_ = 0;        ///< when the timer goes off; 0: it isn't set
  std::uint32_t idle_timers_ = 0; ///< in a row, without effects
  std::int64_t idle_since_ = 0;   ///< when the first of them went off
  std::int64_t paused_until_ = 0;

  // Durability.
  spi::persist_token last_token_ = 0;
  spi::persist_token durable_ = 0;
  std::deque<held_send> held_;
  std::vector<std::pair<spi::persist_token, std::uint64_t>> terms_;
  bool fail_sync_ = false;
  bool crash_in_sync_ = false;
  std::int64_t stall_ = 0;
  bool drain_pending_ = false;
  bool apply_pending_ = false;

  // State machine.
  register_machine machine_;
  machine_image durable_machine_;
  std::deque<to_apply> apply_queue_;
  spi::log_index given_ = 0; ///< the last index we were told to apply
  std::uint64_t given_chain_ = 0;
  bool installing_ = false;
  bool objects_ = false;
  spi::log_index received_index_ = 0;
  machine_image received_;
  std::vector<waiting_read> waiting_reads_;

  std::uint64_t next_request_ = 0;
  std::unordered_map<spi::request_id, request_owner> requests_;
};

} // namespace atl::sim
