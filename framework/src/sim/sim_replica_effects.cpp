#include "sim_replica.hpp"
#include "simulator.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

/// How a simulated replica carries out the effects of its driver.
namespace atl::sim {

// -- crashes between steps ----------------------------------------------------------------------

void sim_replica::before_effect(const spi::effect& next) {
  if (simulator_.crash_point(*this))
    return;
  ++simulator_.stats().effects;
  simulator_.note(next.index());
  idle_timers_ = 0;
  auto limit = simulator_.options().limits.effects_a_drain;
  if (++effects_in_drain_ == limit + 1)
    violate(violation_kind::unbounded, fmt::format("gave out more than {} effects at once", limit));
  auto* message = std::get_if<spi::send>(&next);
  waits_for_record_ = message && message->after > durable_ ? message->after : 0;
  if (waits_for_record_ != 0)
    simulator_.trace("replica {} keeps {} bytes for {} back until {} is on disk", id_,
                     message->bytes.size(), message->to, message->after);
}

void sim_replica::between_steps() {
  waits_for_record_ = 0;
  simulator_.crash_point(*this);
}

void sim_replica::on_failure(driver_failure kind, std::string what) {
  switch (kind) {
  case driver_failure::breach:
    return violate(violation_kind::interface_broken, what);
  case driver_failure::threw:
    if (!simulator_.options().exceptions_stop_replicas)
      return violate(violation_kind::threw, "threw: " + what);
    return stop_itself("threw: " + what);
  case driver_failure::fatal:
    if (simulator_.options().fatal_is_failure)
      violate(violation_kind::stopped_itself, "stopped itself: " + what);
    return stop_itself(std::move(what));
  }
}

void sim_replica::stop_itself(std::string why) {
  ++simulator_.stats().fatals;
  fatal_ = std::move(why);
  crash("it stopped itself: " + fatal_);
}

// -- durability -------------------------------------------------------------------------------

void sim_replica::persist(spi::persist records) {
  simulator_.trace("replica {} persists {} changes as {}", id_, records.ops.size(), records.token);
  disk_.submit(std::move(records));
}

void sim_replica::start_sync() {
  if (!disk_.wants_sync())
    return;
  disk_.begin_sync();
  ++simulator_.stats().syncs;
  auto& rates = simulator_.rates();
  auto time = rates.sync_min + std::exchange(stall_, 0);
  if (rates.sync_jitter > 0)
    time += random_.between(0, rates.sync_jitter);
  if (auto details = simulator_.should_inject(points_.disk_stall, rates.disk_stall))
    time += details->between(100'000, 3'000'000);
  if (std::exchange(crash_in_sync_, false)) {
    // Long enough for peers to answer messages that have left.
    time += 10'000;
    simulator_.at_time(simulator_.now() + random_.between(1, time), event_kind::crash, id_,
                       incarnation_);
  }
  simulator_.at_time(simulator_.now() + time, event_kind::synced, id_, incarnation_);
}

void sim_replica::on_synced() {
  if (std::exchange(fail_sync_, false) ||
      simulator_.should_inject(points_.sync_failure, simulator_.rates().sync_failure)) {
    // It is unknown which writes reached the disk, and a second sync would not show that.
    crash("a sync failed");
    simulator_.at_time(simulator_.now() + 500'000, event_kind::restart, id_, 0);
    return;
  }
  durable_ = disk_.end_sync();
  simulator_.trace("replica {} has everything up to {} on disk", id_, durable_);
  simulator_.emit([&] {
    return run_event{.what = run_event_kind::synced, .replica = id_, .number = durable_};
  });
  lost_state_ = false; // the first record holds what the protocol took from the snapshot
  driver_->on_durable(durable_);
  simulator_.checker().durable_term(id_, driver_->durable_term());
  if (up())
    start_sync();
}

void sim_replica::transmit(spi::replica_id to, std::string bytes, spi::persist_token waited_for) {
  if (auto record = std::max(waits_for_record_, waited_for); record > durable_)
    return violate(violation_kind::interface_broken,
                   fmt::format("sends a message before record {} is durable", record));
  if (to == id_ || to == 0 || to > simulator_.replicas())
    return violate(violation_kind::interface_broken, fmt::format("sends to replica {}", to));
  if (bytes.size() > simulator_.options().limits.message_bytes)
    violate(violation_kind::unbounded, fmt::format("sends a message of {} bytes", bytes.size()));
  simulator_.send(id_, to, std::move(bytes), waited_for);
}

// -- the state machine ------------------------------------------------------------------------

void sim_replica::apply(std::vector<spi::committed_entry> entries) {
  emit_applied(entries);
  for (auto& entry : entries) {
    if (entry.index != delivered_ + 1)
      return violate(violation_kind::interface_broken,
                     fmt::format("is given index {} to apply after {}", entry.index, delivered_));
    delivered_ = entry.index;
    delivered_chain_ = next_chain(delivered_chain_, entry.no_op, entry.command);
    auto tag = entry.no_op ? 0 : simulator_.service().tag_of(entry.command);
    simulator_.checker().applies(id_, entry, delivered_chain_, tag);
    simulator_.note(delivered_chain_);
    apply_queue_.push_back({std::move(entry), delivered_chain_, 0});
  }
  simulator_.trace("replica {} applies up to {}", id_, delivered_);
  auto lag = simulator_.rates().apply_lag;
  if (lag == 0 && !apply_pending_)
    return apply_queued();
  if (!std::exchange(apply_pending_, true))
    simulator_.at_time(simulator_.now() + random_.between(0, lag), event_kind::apply, id_,
                       incarnation_);
}

void sim_replica::emit_applied(const std::vector<spi::committed_entry>& entries) {
  simulator_.emit([&] {
    std::string what;
    for (auto& entry : entries)
      what += fmt::format("{}{}", what.empty() ? "" : "; ",
                          entry.no_op ? "nothing"
                                      : simulator_.service().describe_command(entry.command));
    return run_event{.what = run_event_kind::applied,
                     .replica = id_,
                     .number = entries.back().index,
                     .text = std::move(what)};
  });
}

void sim_replica::on_apply() {
  apply_pending_ = false;
  apply_queued();
}

void sim_replica::apply_queued() {
  while (up() && !apply_queue_.empty()) {
    auto next = std::move(apply_queue_.front());
    apply_queue_.pop_front();
    if (next.install != 0) {
      install(next.install);
      continue;
    }
    applying_ = {&next.entry, machine_.apply(next.entry, next.chain)};
    stamps_.observe(machine_.machine().latest_stamp(), now());
    applied_result answer{next.entry.id, {}}; // the text stays empty: `applying_` has the result
    auto proposed_here = next.entry.id != 0;
    driver_->on_entries_applied(next.entry.index, {&answer, proposed_here ? 1u : 0u});
    applying_.reset();
  }
}

void sim_replica::on_flush() {
  if (durable_machine_->index() != machine_.index()) {
    durable_machine_ = std::make_shared<logged_machine>(machine_.copy(id_));
    auto index = machine_.index();
    call_protocol([index](spi::consensus& it) { it.on_applied(index); });
  }
  if (!up())
    return;
  check_bounds();
  simulator_.at_time(simulator_.now() + simulator_.rates().flush_every, event_kind::flush, id_,
                     incarnation_);
}

void sim_replica::validate(const spi::validate& request) {
  auto objection = machine_.machine().admission_check(request.command);
  if (objection)
    simulator_.note_objection(content_hash(request.command));
  simulator_.validated(id_, incarnation_, request.ticket, std::move(objection));
}

// -- snapshots --------------------------------------------------------------------------------

/// The newest durable state or the present state: both are valid snapshots.
std::pair<machine_image, std::optional<std::string>> sim_replica::draw_snapshot() {
  auto image = durable_machine_;
  if (image->index() == 0 || random_.chance(0.5))
    image = std::make_shared<logged_machine>(machine_.copy(id_));
  auto blob = driver_->snapshot_blob(image->index());
  return {std::move(image), std::move(blob)};
}

void sim_replica::send_snapshot(spi::replica_id to) {
  auto [image, blob] = draw_snapshot();
  simulator_.trace("replica {} sends a snapshot up to {} to {}", id_, image->index(), to);
  if (blob)
    simulator_.send_snapshot(id_, to, *blob, image);
}

void sim_replica::install_snapshot(spi::log_index index) {
  if (!received_ || received_->index() != index || index <= delivered_)
    return violate(violation_kind::interface_broken,
                   fmt::format("is given a snapshot up to {} to install that it doesn't have, or "
                               "whose entries it has applied",
                               index));
  if (!simulator_.checker().matches(index, received_->chain()))
    violate(violation_kind::divergence,
            fmt::format("installs a snapshot up to {} that isn't what was committed", index));
  delivered_ = index;
  delivered_chain_ = received_->chain();
  apply_queue_.push_back({{}, 0, index});
  if (!std::exchange(apply_pending_, true))
    simulator_.at_time(simulator_.now() + random_.between(1'000, 20'000), event_kind::apply, id_,
                       incarnation_);
}

void sim_replica::install(spi::log_index index) {
  simulator_.trace("replica {} installed the snapshot up to {}", id_, index);
  simulator_.emit([&] {
    return run_event{.what = run_event_kind::installed, .replica = id_, .number = index};
  });
  ++simulator_.stats().snapshots;
  durable_machine_ = std::exchange(received_, nullptr);
  machine_ = durable_machine_->copy(id_);
  driver_->on_installed(index);
}

// -- the rest ---------------------------------------------------------------------------------

void sim_replica::on_members_changed() {
  auto& now = driver_->members();
  simulator_.trace("replica {} knows the voters {} and the learners {}", id_,
                   fmt::join(now.voters, ","), fmt::join(now.learners, ","));
  for (auto* list : {&now.voters, &now.learners})
    for (auto id : *list)
      if (id == 0 || id > simulator_.replicas())
        return violate(violation_kind::interface_broken,
                       fmt::format("names replica {} as a member", id));
  simulator_.emit([&] {
    auto text = fmt::format("voters {}", fmt::join(now.voters, ","));
    if (!now.learners.empty())
      text += fmt::format(", learners {}", fmt::join(now.learners, ","));
    return run_event{.what = run_event_kind::members, .replica = id_, .text = std::move(text)};
  });
}

void sim_replica::on_role_changed(const spi::role_changed& it) {
  simulator_.trace("replica {} is {} in term {}, the leader is {}", id_,
                   it.role == spi::replica_role::leader      ? "leader"
                   : it.role == spi::replica_role::candidate ? "candidate"
                                                             : "follower",
                   it.term, it.leader);
  simulator_.emit([&] {
    return run_event{.what = run_event_kind::role,
                     .replica = id_,
                     .peer = it.leader,
                     .number = it.term,
                     .role = it.role};
  });
  simulator_.checker().role(id_, it);
}

} // namespace atl::sim
