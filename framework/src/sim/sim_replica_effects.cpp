#include "sim_replica.hpp"
#include "simulator.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

/// How a host carries out each effect.
namespace atl::sim {

// -- durability -------------------------------------------------------------------------------

void sim_replica::carry_out(spi::persist& it) {
  if (it.token != last_token_ + 1)
    violate(violation_kind::interface_broken,
            fmt::format("persists with token {} after {}", it.token, last_token_));
  last_token_ = it.token;
  simulator_.say("replica {} persists {} changes as {}", id_, it.ops.size(), it.token);
  disk_.submit(std::move(it));
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
    // Late enough for what has left already to have been answered.
    time += 10'000;
    simulator_.at_time(simulator_.now() + random_.between(1, time), event_kind::crash, id_,
                       incarnation_);
  }
  simulator_.at_time(simulator_.now() + time, event_kind::synced, id_, incarnation_);
}

void sim_replica::on_synced() {
  if (std::exchange(fail_sync_, false) ||
      simulator_.should_inject(points_.sync_failure, simulator_.rates().sync_failure)) {
    // What of it is on the disk nobody knows, and a second try would not tell.
    crash("a sync failed");
    simulator_.at_time(simulator_.now() + 500'000, event_kind::restart, id_, 0);
    return;
  }
  durable_ = disk_.end_sync();
  for (auto& [token, term] : terms_)
    if (token <= durable_)
      simulator_.checker().durable_term(id_, term);
  std::erase_if(terms_, [this](auto& it) { return it.first <= durable_; });
  simulator_.say("replica {} has everything up to {} on disk", id_, durable_);
  simulator_.show([&] {
    return run_event{.what = run_event_kind::synced, .replica = id_, .number = durable_};
  });
  release_sends();
  if (simulator_.boundary(*this))
    return;
  call([this](spi::consensus& it) { it.on_durable(durable_); });
  if (up())
    start_sync();
}

void sim_replica::carry_out(spi::send& it) {
  if (it.after > last_token_)
    violate(violation_kind::interface_broken,
            fmt::format("sends after token {}, which was never given out", it.after));
  if (it.to == id_ || it.to == 0 || it.to > simulator_.replicas())
    return violate(violation_kind::interface_broken, fmt::format("sends to replica {}", it.to));
  if (it.bytes.size() > simulator_.options().limits.message_bytes)
    violate(violation_kind::unbounded, fmt::format("sends a message of {} bytes", it.bytes.size()));
  if (it.after <= durable_)
    return simulator_.send(id_, it.to, std::move(it.bytes));
  simulator_.say("replica {} keeps {} bytes for {} back until {} is on disk", id_, it.bytes.size(),
                 it.to, it.after);
  held_.push_back({it.to, it.after, std::move(it.bytes)});
}

void sim_replica::release_sends() {
  auto kept = held_.begin();
  for (auto& it : held_) {
    if (it.after <= durable_) {
      simulator_.send(id_, it.to, std::move(it.bytes), it.after);
    } else {
      if (&*kept != &it)
        *kept = std::move(it);
      ++kept;
    }
  }
  held_.erase(kept, held_.end());
}

// -- the state machine ------------------------------------------------------------------------

void sim_replica::carry_out(spi::apply& it) {
  show_applied(it);
  for (auto& entry : it.entries) {
    if (entry.index != given_ + 1)
      violate(violation_kind::interface_broken,
              fmt::format("applies index {} after {}", entry.index, given_));
    given_ = entry.index;
    given_chain_ = next_chain(given_chain_, entry.no_op, entry.command);
    simulator_.checker().applies(id_, entry, given_chain_);
    simulator_.note(given_chain_);
    apply_queue_.push_back({std::move(entry), given_chain_, 0});
  }
  simulator_.say("replica {} applies up to {}", id_, given_);
  auto lag = simulator_.rates().apply_lag;
  if (lag == 0 && !apply_pending_)
    return apply_queued();
  if (!std::exchange(apply_pending_, true))
    simulator_.at_time(simulator_.now() + random_.between(0, lag), event_kind::apply, id_,
                       incarnation_);
}

void sim_replica::show_applied(const spi::apply& it) {
  if (it.entries.empty())
    return;
  simulator_.show([&] {
    std::string what;
    for (auto& entry : it.entries)
      what += fmt::format("{}{}", what.empty() ? "" : "; ",
                          entry.no_op ? "nothing" : describe_command(entry.command));
    return run_event{.what = run_event_kind::applied,
                     .replica = id_,
                     .number = it.entries.back().index,
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
    auto result = machine_.apply(next.entry, next.chain);
    request_owner owner;
    if (next.entry.id == 0 || !take_owner(next.entry.id, owner))
      continue;
    check_content(next.entry, owner);
    simulator_.answered(id_, owner, {answer_kind::applied, next.entry.index, result, 0, {}});
  }
  answer_reads();
}

/// What is applied for a proposal is what was proposed.
void sim_replica::check_content(const spi::committed_entry& entry, const request_owner& owner) {
  if (owner.content == 0 || (!entry.no_op && (hash_bytes(entry.command) | 1) == owner.content))
    return;
  violate(violation_kind::interface_broken,
          fmt::format("applies {} at index {} for request {}, which proposed something else",
                      entry.no_op ? "nothing" : fmt::format("{} bytes", entry.command.size()),
                      entry.index, entry.id));
}

void sim_replica::on_flush() {
  if (durable_machine_->index() != machine_.index()) {
    durable_machine_ = std::make_shared<register_machine>(machine_);
    auto index = machine_.index();
    call([index](spi::consensus& it) { it.on_applied(index); });
  }
  if (!up())
    return;
  check_bounds();
  simulator_.at_time(simulator_.now() + simulator_.rates().flush_every, event_kind::flush, id_,
                     incarnation_);
}

void sim_replica::carry_out(spi::validate& it) {
  (void)it.command;
  simulator_.validated(id_, incarnation_, it.ticket);
}

// -- snapshots --------------------------------------------------------------------------------

void sim_replica::carry_out(spi::send_snapshot& it) {
  // The newest one that is durable, or one of this moment: both are snapshots.
  auto image = durable_machine_;
  if (image->index() == 0 || random_.chance(0.5))
    image = std::make_shared<register_machine>(machine_);
  simulator_.say("replica {} sends a snapshot up to {} to {}", id_, image->index(), it.to);
  auto blob = protocol_->snapshot_blob(image->index());
  simulator_.send_snapshot(id_, it.to, blob, image);
}

void sim_replica::carry_out(spi::install_snapshot& it) {
  if (!received_ || it.index != received_index_)
    return violate(violation_kind::interface_broken,
                   fmt::format("installs a snapshot up to {} that it didn't receive", it.index));
  if (it.index < given_)
    violate(violation_kind::interface_broken,
            fmt::format("installs a snapshot up to {} after applying {}", it.index, given_));
  if (!simulator_.checker().matches(it.index, received_->chain()))
    violate(violation_kind::divergence,
            fmt::format("installs a snapshot up to {} that isn't what was committed", it.index));
  given_ = it.index;
  given_chain_ = received_->chain();
  installing_ = true;
  apply_queue_.push_back({{}, 0, it.index});
  if (!std::exchange(apply_pending_, true))
    simulator_.at_time(simulator_.now() + random_.between(1'000, 20'000), event_kind::apply, id_,
                       incarnation_);
}

void sim_replica::install(spi::log_index index) {
  simulator_.say("replica {} installed the snapshot up to {}", id_, index);
  simulator_.show([&] {
    return run_event{.what = run_event_kind::installed, .replica = id_, .number = index};
  });
  ++simulator_.stats().snapshots;
  durable_machine_ = std::exchange(received_, nullptr);
  machine_ = *durable_machine_;
  installing_ = false;
  received_index_ = 0;
  if (!simulator_.boundary(*this))
    call([index](spi::consensus& it) { it.on_installed(index); });
}

// -- answers ----------------------------------------------------------------------------------

bool sim_replica::take_owner(spi::request_id id, request_owner& owner) {
  auto found = requests_.find(id);
  if (found == requests_.end()) {
    violate(violation_kind::interface_broken,
            fmt::format("answers request {}, which is answered already or was never made", id));
    return false;
  }
  owner = found->second;
  requests_.erase(found);
  return true;
}

void sim_replica::carry_out(spi::refuse& it) {
  request_owner owner;
  if (!take_owner(it.id, owner))
    return;
  simulator_.say("replica {} refuses request {}: {}", id_, it.id, it.reason);
  auto surely = it.why != spi::refusal::unknown;
  if (surely)
    simulator_.checker().refused(owner.tag);
  simulator_.answered(
      id_, owner,
      {surely ? answer_kind::refused : answer_kind::unknown, 0, {}, it.hint, std::move(it.reason)});
}

void sim_replica::carry_out(spi::read_ready& it) {
  request_owner owner;
  if (!take_owner(it.id, owner))
    return;
  waiting_reads_.push_back({it.index, owner});
  answer_reads();
}

void sim_replica::answer_reads() {
  for (std::size_t i = 0; i < waiting_reads_.size();) {
    if (waiting_reads_[i].index > machine_.index()) {
      ++i;
      continue;
    }
    auto owner = waiting_reads_[i].owner;
    waiting_reads_[i] = waiting_reads_.back();
    waiting_reads_.pop_back();
    simulator_.answered(
        id_, owner, {answer_kind::read, machine_.index(), {machine_.read(owner.key), true}, 0, {}});
  }
}

void sim_replica::carry_out(spi::read_refused& it) {
  request_owner owner;
  if (!take_owner(it.id, owner))
    return;
  simulator_.say("replica {} refuses read {}: {}", id_, it.id, it.reason);
  simulator_.answered(id_, owner, {answer_kind::refused, 0, {}, it.hint, std::move(it.reason)});
}

// -- the rest ---------------------------------------------------------------------------------

void sim_replica::carry_out(spi::members_changed& it) {
  simulator_.say("replica {} knows the voters {} and the learners {}", id_,
                 fmt::join(it.voters, ","), fmt::join(it.learners, ","));
  for (auto* list : {&it.voters, &it.learners})
    for (auto id : *list)
      if (id == 0 || id > simulator_.replicas())
        return violate(violation_kind::interface_broken,
                       fmt::format("names replica {} as a member", id));
  members_ = std::move(it);
  simulator_.show([&] {
    auto text = fmt::format("voters {}", fmt::join(members_.voters, ","));
    if (!members_.learners.empty())
      text += fmt::format(", learners {}", fmt::join(members_.learners, ","));
    return run_event{.what = run_event_kind::members, .replica = id_, .text = std::move(text)};
  });
}

void sim_replica::carry_out(spi::role_changed& it) {
  simulator_.say("replica {} is {} in term {}, the leader is {}", id_,
                 it.role == spi::replica_role::leader      ? "leader"
                 : it.role == spi::replica_role::candidate ? "candidate"
                                                           : "follower",
                 it.term, it.leader);
  simulator_.show([&] {
    return run_event{.what = run_event_kind::role,
                     .replica = id_,
                     .peer = it.leader,
                     .number = it.term,
                     .role = it.role};
  });
  simulator_.checker().role(id_, it);
  terms_.emplace_back(last_token_, it.term);
}

void sim_replica::carry_out(spi::fatal& it) {
  ++simulator_.stats().fatals;
  fatal_ = it.reason;
  if (simulator_.options().fatal_is_failure)
    violate(violation_kind::stopped_itself, fmt::format("stopped itself: {}", it.reason));
  crash(fmt::format("it stopped itself: {}", it.reason));
}

} // namespace atl::sim
