#include "replica.hpp"

#include <algorithm>

/// The coordinator's start, decisions, and view of the participants.
namespace atl::two_phase {

void replica::start_coordinator(bool intact) {
  set_quorum(members().voters);
  auto alone = other_voters().empty();
  // Recovery is needed if the promises on this disk are lost, or if another coordinator may have
  // decided the open entries. A sole initial voter recovers as well after a restart with an empty
  // disk, because replicas may have joined since; their heartbeats tell.
  if (intact ? was_participant_ : !alone || incarnation_ > 1)
    return take_over();
  if (!intact)
    for (auto index = log_.first(); index < log_.end(); ++index)
      epoch_ = std::max(epoch_, log_.find(index)->epoch);
  ++epoch_;
  complete_ = true;
  put_hard_state();
  for (auto index = std::max(decided_ + 1, log_.first()); index <= log_.last(); ++index)
    recover_open_index(index, alone);
  first_undecided_ = log_.last() + 1;
  phase_ = alone ? phase::serving : phase::promising;
  publish_role();
  if (decided_ + 1 < log_.first())
    needs_collect_ = true; // the log was cut after what the state machine has applied
  if (needs_collect_ && alone)
    stop("an entry after index " + std::to_string(decided_) +
         " cannot be read, and no other replica has a copy: restore this replica's disk");
}

/// Decides an index that an earlier incarnation of this coordinator left open, or requires
/// recovery.
void replica::recover_open_index(spi::log_index index, bool alone) {
  auto& it = *log_.find(index);
  if (it.decided())
    return;
  auto change = it.state == slot_state::prepared && it.kind == entry_kind::change;
  if (it.state == slot_state::empty || change)
    return abort(index, {}); // a commit of a change would have been durable before it was sent
  if (alone && it.state == slot_state::prepared && it.has_command)
    commit(index);
  else
    needs_collect_ = true;
}

/// A command that every voter holds durably is committed even if the decision record is lost, so
/// the commit is announced at once. The commit of a change is announced when it is durable, because
/// the change may remove this coordinator.
void replica::commit(spi::log_index index) {
  auto& it = *log_.find(index);
  it.pending = decision::commit;
  put_decision(index, true);
  if (it.kind == entry_kind::command)
    return finalize(index);
  if (auto change = decode_change(it.command)) {
    deciding_group_ = effective_membership{index, std::move(change->group)};
    put_hard_state();
  }
  deciding_.emplace_back(open_token(), index);
}

/// All other voters may have voted yes, so an abort is announced only once it is durable.
void replica::abort(spi::log_index index, obstacle why) {
  auto& it = log_.at(index);
  it.pending = decision::abort;
  if (it.state == slot_state::empty)
    log_.set_state(index, slot_state::prepared);
  put_decision(index, false);
  must_persist_ = true;
  deciding_.emplace_back(open_token(), index);
  if (it.id != 0)
    abort_reasons_.emplace(index, std::move(why));
}

/// Announces a decision that can no longer be lost.
void replica::finalize(spi::log_index index) {
  auto it = log_.find(index);
  if (!it || it->decided())
    return;
  auto commits = it->pending == decision::commit;
  it->pending = decision::none;
  log_.set_state(index, commits ? slot_state::committed : slot_state::aborted);
  new_decisions_.push_back({index, commits});
  if (it->kind == entry_kind::change)
    finalize_change(index, commits);
  if (commits)
    return;
  log_.drop_command(*it);
  auto reason = abort_reasons_.find(index);
  if (reason == abort_reasons_.end())
    return;
  refuse_proposal(it->id, std::move(reason->second));
  abort_reasons_.erase(reason);
}

/// Sends the decision also to the removed members. A change that removes its own coordinator is
/// answered when another voter knows the decision; after that the removed replica may be switched
/// off.
void replica::finalize_change(spi::log_index index, bool commits) {
  change_.reset();
  deciding_group_.reset();
  if (!commits) {
    set_quorum(members().voters);
    return on_group_changed();
  }
  flush_decisions();
  auto change = decode_change(log_.find(index)->command);
  if (!change->group.is_voter(self_))
    handover_index_ = index;
  take_effect(index, *change);
}

// -- watching the participants ----------------------------------------------------------------

void replica::watch_peers() {
  for (auto id : quorum_)
    if (auto it = find_peer(id); it && is_down(*it) && !it->down_handled) {
      it->down_handled = true;
      abort_open(*it, it->known && !it->complete, describe_silence(*it));
    }
}

void replica::on_peer_heartbeat(peer& from, const header& head, const heartbeat& body) {
  if (head.to_incarnation != incarnation_)
    return; // the sender does not know this incarnation yet, so it has promised nothing to it
  from.known = true;
  from.epoch = std::max(from.epoch, head.epoch);
  from.last = std::max(from.last, body.last);
  from.complete = from.complete || body.complete; // heartbeats may arrive out of order
  if (!from.complete)
    abort_open(from, true, "replica " + std::to_string(from.id) + " lost its disk");
  advance_phase();
  advance_change();
}

spi::log_index replica::applied_by_all() const {
  auto least = applied_;
  for (auto id : active_peers_)
    if (auto& it = peers_.at(id);
        members().is_voter(id) || (members().contains(id) && !is_down(it)))
      least = std::min(least, it.applied);
  return least;
}

} // namespace atl::two_phase
