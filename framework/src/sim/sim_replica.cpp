#include "sim_replica.hpp"

#include "checked_protocol.hpp"
#include "simulator.hpp"

#include <fmt/ranges.h>

#include <exception>
#include <utility>

namespace atl::sim {

sim_replica::sim_replica(simulator& sim, spi::replica_id id)
    : simulator_{sim}, id_{id}, points_{sim.faults().point(fault_kind::batch_crashes, id),
                                        sim.faults().point(fault_kind::disk_stalls, id),
                                        sim.faults().point(fault_kind::sync_failures, id),
                                        sim.faults().point(fault_kind::objections, id),
                                        sim.faults().point(fault_kind::unreachable_hints, id),
                                        sim.faults().point(fault_kind::damaged_records, id),
                                        sim.faults().point(fault_kind::lost_disks, id)},
      random_{0}, membership_{id, sim.birth_voters()}, machine_{sim.service().make_machine(id)} {
  durable_machine_ = std::make_shared<logged_machine>(machine_.copy(id_));
  clock_base_ = static_cast<std::int64_t>(id) * 1'000'000'000; // clocks of replicas never agree
  draw_wall_clock();
}

namespace {

constexpr std::int64_t rebuild_interval = 100'000;

} // namespace

void sim_replica::violate(violation_kind kind, std::string_view what) {
  simulator_.violate(kind, fmt::format("replica {}: {}", id_, what));
}

// -- timers -----------------------------------------------------------------------------------

void sim_replica::rearm() {
  auto deadline = driver_->deadline();
  if (deadline == spi::timestamp::max()) {
    armed_ = 0;
    return;
  }
  // A timer that fires too early is set again; a timer that would fire too late is replaced.
  auto at = deadline.count() <= local_now() ? simulator_.now() + 1 : global(deadline.count());
  if (armed_ != 0 && armed_ <= at && armed_ > simulator_.now())
    return;
  armed_ = at;
  simulator_.at_time(at, event_kind::timer, id_, incarnation_, static_cast<std::uint64_t>(at));
}

void sim_replica::on_timer(std::int64_t armed) {
  if (armed != armed_)
    return;
  armed_ = 0;
  if (driver_->deadline().count() > local_now())
    return rearm();
  if (idle_timers_++ == 0)
    idle_since_ = simulator_.now();
  auto& limits = simulator_.options().limits;
  if (idle_timers_ > limits.idle_timers) {
    if (simulator_.now() - idle_since_ < limits.idle_timers * limits.idle_timer_us)
      return violate(violation_kind::unbounded,
                     "asks to be called again and again, and time doesn't pass");
    idle_timers_ = 0;
  }
  call_protocol([](spi::consensus&) {});
}

// -- start and crash ---------------------------------------------------------------------------

void sim_replica::start_spare() {
  if (!undeployed_ || decommissioned_)
    return;
  undeployed_ = false;
  simulator_.at_time(simulator_.now() + 1, event_kind::restart, id_, 0);
}

void sim_replica::decommission() {
  crash("it is decommissioned");
  lose_disk();
  undeployed_ = decommissioned_ = true;
}

void sim_replica::start() {
  ++incarnation_;
  ++simulator_.stats().starts;
  simulator_.trace("replica {} starts as incarnation {} with {} records, applied up to {}", id_,
                   incarnation_, disk_.size(), durable_machine_->index());
  random_ = simulator_.faults().stream(purpose::replica, id_, incarnation_);
  fatal_.clear();
  paused_until_ = 0;
  if (membership_.in_group())
    return start_protocol();
  membership_.start_asking(simulator_.now());
  admission_refusal_.clear();
  ask_for_admission();
}

void sim_replica::start_protocol() {
  simulator_.emit([&] {
    return run_event{.what = run_event_kind::started, .replica = id_, .number = incarnation_};
  });
  try {
    protocol_ = std::make_unique<checked_protocol>(
        simulator_.make_protocol(id_, incarnation_),
        [this](const std::string& what) { violate(violation_kind::interface_broken, what); });
  } catch (const std::exception& error) {
    return violate(violation_kind::threw, fmt::format("can't be made: {}", error.what()));
  } catch (...) {
    return violate(violation_kind::threw, "can't be made: its factory threw something that is no "
                                          "std::exception");
  }
  if (lost_state_ && !rebuild_state()) {
    protocol_.reset();
    return simulator_.at_time(simulator_.now() + rebuild_interval, event_kind::restart, id_, 0);
  }
  machine_ = durable_machine_->copy(id_);
  stamps_ = {};
  delivered_ = machine_.index();
  delivered_chain_ = machine_.chain();
  driver_ = simulator_.make_driver(*this, *protocol_);
  driver_->start(disk_.read(), machine_.index(), simulator_.birth_voters());
  if (driver_->stopped())
    return;
  simulator_.at_time(simulator_.now() + simulator_.rates().flush_every, event_kind::flush, id_,
                     incarnation_);
  drain_now();
}

void sim_replica::crash(std::string_view why, std::optional<std::size_t> wanted) {
  membership_.stop_asking();
  if (!up())
    return;
  ++simulator_.stats().crashes;
  auto kept = wanted ? *wanted
                     : simulator_.faults()
                           .stream(purpose::crash, id_, incarnation_)
                           .below(disk_.waiting() + 1);
  simulator_.trace("replica {} stops: {}; {} of {} waiting writes made it", id_, why, kept,
                   disk_.waiting());
  simulator_.emit([&] {
    return run_event{.what = run_event_kind::stopped, .replica = id_, .text = std::string{why}};
  });
  driver_->stop();
  protocol_.reset();
  disk_.crash(kept);
  apply_queue_.clear();
  received_.reset();
  armed_ = 0;
  durable_ = 0;
  drain_pending_ = apply_pending_ = fail_sync_ = crash_in_sync_ = false;
  stall_ = 0;
  for (auto& owner : requests_.take_all())
    simulator_.answered(id_, owner, no_answer(answer_kind::lost, "the replica stopped"));
}

void sim_replica::lose_state() {
  crash("its state machine is damaged");
  ++simulator_.stats().lost_states;
  lost_state_ = true;
  durable_machine_ = std::make_shared<logged_machine>(simulator_.service().make_machine(id_));
}

/// Takes the state of a peer for the damaged one, as the host of a cluster does before it starts
/// the protocol. @returns false: no peer has a state from which the protocol can go on
bool sim_replica::rebuild_state() {
  auto stable = disk_.read();
  if (!stable.meta && stable.records.empty()) {
    lost_state_ = false; // nothing was ever applied here
    return true;
  }
  auto first = random_.below(simulator_.replicas());
  for (std::uint64_t i = 0; i < simulator_.replicas(); ++i) {
    auto& peer =
        simulator_.at(static_cast<spi::replica_id>(1 + (first + i) % simulator_.replicas()));
    if (&peer == this || !peer.up())
      continue;
    auto [image, blob] = peer.draw_snapshot();
    if (!blob || !protocol_->rebuild_from(stable, image->index(), *blob))
      continue;
    simulator_.trace("replica {} takes the state of replica {} up to {}", id_, peer.id(),
                     image->index());
    durable_machine_ = std::move(image);
    return true;
  }
  simulator_.trace("replica {} finds no state from which it can go on", id_);
  return false;
}

void sim_replica::lose_disk() {
  simulator_.trace("replica {} loses its disk", id_);
  simulator_.emit([&] { return run_event{.what = run_event_kind::lost_disk, .replica = id_}; });
  ++simulator_.stats().lost_disks;
  disk_.lose();
  lost_state_ = false; // so is the log
  durable_machine_ = std::make_shared<logged_machine>(simulator_.service().make_machine(id_));
  simulator_.checker().disk_lost(id_);
}

// -- calls ------------------------------------------------------------------------------------

void sim_replica::schedule_drain() {
  ++simulator_.stats().calls;
  auto lazy = simulator_.rates().lazy_drain;
  if (lazy <= 0 || !random_.chance(lazy))
    return drain_now();
  if (!drain_pending_) {
    drain_pending_ = true;
    simulator_.at_time(simulator_.now() + random_.between(1, 500), event_kind::drain, id_,
                       incarnation_);
  }
  rearm();
}

void sim_replica::on_drain() {
  if (drain_pending_)
    drain_now();
}

void sim_replica::drain_now() {
  drain_pending_ = false;
  effects_in_drain_ = 0;
  driver_->drain();
  if (driver_->stopped())
    return;
  start_sync();
  rearm();
}

void sim_replica::deliver(spi::replica_id from, std::string_view bytes) {
  call_protocol([&](spi::consensus& it) { it.step(from, bytes); });
}

void sim_replica::on_validated(std::uint64_t ticket, std::optional<std::string> rejection) {
  driver_->on_validated(ticket, std::move(rejection));
}

void sim_replica::on_unreachable(spi::replica_id peer) {
  call_protocol([&](spi::consensus& it) { it.on_unreachable(peer); });
}

void sim_replica::on_snapshot_sent(spi::replica_id to, bool ok) {
  call_protocol([&](spi::consensus& it) { it.on_snapshot_sent(to, ok); });
}

void sim_replica::propose(std::string command, const request_owner& owner) {
  stamps_.observe(machine_.machine().latest_stamp(), now());
  machine_.machine().stamp(command, stamps_.next(wall_clock(), now()));
  auto handle = requests_.put(owner);
  requests_.at(handle).content = content_hash(command);
  simulator_.trace("replica {} is asked to commit {} bytes (request {})", id_, command.size(),
                   driver_->last_request() + 1);
  driver_->propose(handle, std::move(command));
}

void sim_replica::read(const request_owner& owner, spi::read_level level) {
  simulator_.trace("replica {} is asked to read (request {})", id_, driver_->last_request() + 1);
  driver_->read(requests_.put(owner), level);
}

void sim_replica::reconfigure(const request_owner& owner, spi::members_changed wanted) {
  simulator_.trace("replica {} is asked to make the voters {} and the learners {} (request {})",
                   id_, fmt::join(wanted.voters, ","), fmt::join(wanted.learners, ","),
                   driver_->last_request() + 1);
  driver_->reconfigure(requests_.put(owner), std::move(wanted));
}

void sim_replica::transfer(spi::replica_id to) {
  simulator_.trace("replica {} is told to hand over to {}", id_, to);
  call_protocol([to](spi::consensus& it) { it.transfer(to); });
}

void sim_replica::declare_lost(spi::replica_id id) {
  simulator_.trace("replica {} is told that the disk of {} is lost for good", id_, id);
  call_protocol([id](spi::consensus& it) { it.declare_lost(id); });
}

void sim_replica::take_snapshot(spi::log_index index, const std::string& blob,
                                machine_image image) {
  simulator_.trace("replica {} receives a snapshot up to {}", id_, index);
  if (driver_->installing())
    return; // a replica keeps one snapshot at a time
  received_ = std::move(image);
  driver_->on_snapshot_arrived(index, blob);
}

const spi::members_changed& sim_replica::members() const {
  static const spi::members_changed none;
  return driver_ ? driver_->members() : none;
}

void sim_replica::check_bounds() {
  auto& limits = simulator_.options().limits;
  if (auto held = driver_->held_sends(); held > limits.unsent_messages)
    violate(violation_kind::unbounded, fmt::format("{} messages wait for a sync", held));
  if (disk_.size() > limits.records)
    violate(violation_kind::unbounded, fmt::format("{} records are on the disk", disk_.size()));
  if (auto pending = driver_->status().pending; pending > limits.pending)
    violate(violation_kind::unbounded, fmt::format("{} requests are pending", pending));
}

} // namespace atl::sim
