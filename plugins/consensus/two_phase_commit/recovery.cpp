#include "replica.hpp"

#include <algorithm>
#include <utility>

/// Recovery of a coordinator that takes over or lost records: it reads the peers' logs to find out
/// what its predecessor, or its own earlier incarnation, decided.
namespace atl::two_phase {

// -- a coordinator that lost something --------------------------------------------------------

/// Starts recovery on a replica that was a participant or has an empty disk, and so does not know
/// what earlier coordinators decided.
void replica::take_over() {
  phase_ = phase::probing;
  needs_collect_ = true;
  was_participant_ = true;
  put_hard_state();
  fetch_.outstanding = false;
  collect_blocked_reason_.clear();
  votes_.clear();
  for (auto& [id, it] : peers_)
    it.known = false;
  heartbeat_due_ = true;
  publish_role();
}

void replica::advance_phase() {
  if (!is_coordinator() || phase_ == phase::serving || phase_ == phase::collecting)
    return;
  auto others = replicas_to_collect();
  auto all = [&](auto holds) {
    return std::all_of(others.begin(), others.end(), [&](auto id) { return holds(peers_.at(id)); });
  };
  if (!all([](auto& it) { return it.known; }))
    return;
  // If all known disks are empty, the group is new, or replicas joined since, whose heartbeats
  // arrive soon.
  auto new_group = !complete_ && all([](auto& it) { return !it.complete; });
  if (new_group && incarnation_ > 1 && now_ < started_ + config_.failure_timeout)
    return;
  if (phase_ == phase::promising && !all([this](auto& it) { return it.epoch <= epoch_; }))
    phase_ = phase::probing; // a peer has promised a higher epoch to an earlier coordinator
  if (phase_ == phase::probing) {
    for (auto id : others)
      epoch_ = std::max(epoch_, peers_.at(id).epoch);
    for (auto index = log_.first(); index < log_.end(); ++index)
      epoch_ = std::max(epoch_, log_.find(index)->epoch);
    ++epoch_;
    put_hard_state();
    phase_ = phase::promising;
    heartbeat_due_ = true;
  }
  if (!all([this](auto& it) { return it.epoch == epoch_; }))
    return;
  // A peer has prepared an entry that is not on this disk.
  auto known = std::max(log_.last(), decided_);
  if (!complete_ || needs_collect_ || !all([known](auto& it) { return it.last <= known; }))
    return begin_collecting();
  phase_ = phase::serving;
  publish_role();
}

/// Replicas whose logs must be read: all other voters, and the voters that a change in doubt would
/// add.
std::vector<spi::replica_id> replica::replicas_to_collect() const {
  auto out = known_group().voters;
  if (auto in_doubt = change_in_doubt())
    out = union_of(out, in_doubt->group.voters);
  out = without(std::move(out), declared_lost_);
  std::erase(out, self_);
  return out;
}

/// Every participant has promised this epoch, so their logs no longer change by messages of earlier
/// coordinators, and no earlier decision can still arrive.
void replica::begin_collecting() {
  phase_ = phase::collecting;
  needs_collect_ = true;
  set_quorum(replicas_to_collect());
  for (auto index = log_.first(); index < log_.end(); ++index)
    log_.find(index)->votes = 0;
  for (auto& [id, it] : peers_)
    it.collected = false;
  collect_cursor_ = 0;
  collect_next();
}

void replica::collect_next() {
  if (now_ < collect_retry_at_ || fetch_.outstanding || installing_ != 0)
    return;
  auto others = replicas_to_collect();
  if (others != quorum_) {
    update_active_peers();
    return begin_collecting(); // the log has a change in doubt, or a newer membership
  }
  for (auto id : others) {
    auto& it = peers_.at(id);
    if (it.collected)
      continue;
    if (is_down(it) || !it.known || it.epoch != epoch_)
      return; // `status().blocked` names the missing replica
    collect_cursor_ = std::max(collect_cursor_, decided_ + 1);
    auto log_starts_late = decided_ + 1 < log_.first();
    return send_fetch(it, collect_cursor_, true,
                      log_starts_late ? snapshot_mode::always : snapshot_mode::if_needed);
  }
  resolve();
}

void replica::on_collected(peer& from, const entries& body) {
  for (auto& entry : body.known) {
    auto in_doubt = entry.state == slot_state::prepared || entry.state == slot_state::damaged;
    if (!in_doubt || entry.index <= decided_ || entry.index < log_.first() ||
        entry.index > std::max(decided_, body.decided) + config_.window())
      continue;
    auto& it = log_.at(entry.index);
    it.votes |= bit_of(from.id);
    if (it.state == slot_state::command_lost && entry.state == slot_state::prepared)
      learn({entry.index, slot_state::committed, entry.kind, entry.epoch, entry.command});
    if (!it.has_command && entry.state == slot_state::prepared) {
      log_.set_command(it, std::string{entry.command});
      it.kind = entry.kind;
      it.epoch = entry.epoch;
    }
  }
  learn_all(body);
  update_active_peers(); // an entry may be a membership change
  advance_decided();
  if (!is_coordinator() || phase_ != phase::collecting)
    return; // an entry made another replica the coordinator
  from.last = std::max(from.last, body.last);
  if (body.snapshot)
    return; // the next tick fetches again, from after the snapshot if it has arrived
  if (body.next <= body.last && body.next > collect_cursor_) {
    collect_cursor_ = body.next;
  } else {
    from.collected = true;
    collect_cursor_ = 0;
  }
  collect_next();
}

void replica::forget_collected(peer& from) {
  if (fetch_.to == from.id)
    fetch_.outstanding = false;
  if (phase_ != phase::collecting)
    return;
  from.collected = false;
  collect_cursor_ = 0;
  for (auto index = log_.first(); index < log_.end(); ++index)
    log_.find(index)->votes &= ~bit_of(from.id);
}

decision replica::decide_lost(const slot* it) const {
  auto in_doubt = it ? it->votes : 0;
  if (complete_ && (!it || it->state == slot_state::empty))
    return decision::abort; // this replica never prepared the entry
  auto change = it && it->kind == entry_kind::change;
  for (auto id : quorum_) // voters that the change would add vote only on the change itself
    if (auto& other = peers_.at(id);
        other.complete && (in_doubt & bit_of(id)) == 0 && (change || known_group().is_voter(id)))
      return decision::abort; // that voter never voted yes, so the entry was never committed
  auto alone = quorum_.empty() && declared_lost_.empty();
  auto ours = (complete_ && !was_participant_) || alone;
  if (ours && it && it->state == slot_state::prepared && it->has_command)
    return decision::commit;
  if (config_.lost_decisions == lost_decision::abort)
    return decision::abort;
  if (config_.lost_decisions == lost_decision::commit && it && it->has_command)
    return decision::commit;
  return decision::none;
}

void replica::resolve() {
  auto last = std::max(log_.last(), decided_);
  for (auto id : other_voters())
    last = std::max(last, peers_.at(id).last);
  if (decided_ + 1 < log_.first())
    return block_collecting("replica " + std::to_string(self_) +
                            " lacks entries that were cut from its log, and no peer has sent a "
                            "snapshot of them");
  if (members_since() < latest_group_.index)
    return block_collecting("replica " + std::to_string(self_) +
                            " has not yet learned the membership change at index " +
                            std::to_string(latest_group_.index));
  if (last > decided_ + 2 * config_.window())
    return block_collecting("a participant reports index " + std::to_string(last) +
                            ", far beyond the last decided one, " + std::to_string(decided_) +
                            ": stop that replica and inspect its disk");
  for (auto index = decided_ + 1; index <= last; ++index) {
    auto it = log_.find(index);
    if (it && it->state == slot_state::command_lost)
      return stop("index " + std::to_string(index) +
                  " was committed, and no replica can read its command: restore one "
                  "replica's disk from before the damage");
    if (it && (it->decided() || it->pending != decision::none))
      continue;
    if (decide_lost(it) == decision::none)
      return block_collecting(
          "whether index " + std::to_string(index) +
          " was committed is lost with the coordinator's record: all remaining replicas have "
          "prepared it, and a client may have been told either outcome: " +
          remedy() + "set lost_decisions to commit or abort for one start of replica " +
          std::to_string(self_));
  }
  for (auto index = decided_ + 1; index <= last; ++index) {
    log_.at(index);
    auto it = log_.find(index);
    if (it->decided() || it->pending != decision::none)
      continue;
    if (decide_lost(it) == decision::abort) {
      abort(index, {}); // durably: the voter that never prepared the entry may lose its disk, and
                        // the evidence with it
      continue;
    }
    auto command = it->command;
    log_.drop_command(*it);
    learn({index, slot_state::committed, it->kind, epoch_, command});
  }
  finish_recovery(last);
}

std::string replica::remedy() const {
  if (complete_ &&
      !declared_lost_.empty()) // another replica's disk was lost, and is not coming back
    return "check what clients were told, and ";
  return "restore the disk of replica " + std::to_string(self_) + ", or ";
}

void replica::block_collecting(std::string reason) {
  collect_blocked_reason_ = std::move(reason);
  collect_retry_at_ = now_ + config_.failure_timeout;
  for (auto& [id, it] : peers_)
    it.collected = false;
  collect_cursor_ = 0;
}

void replica::finish_recovery(spi::log_index last) {
  complete_ = true;
  needs_collect_ = was_participant_ = false;
  collect_blocked_reason_.clear();
  first_undecided_ = last + 1;
  put_hard_state();
  phase_ = phase::serving;
  set_quorum(members().voters);
  heartbeat_due_ = true;
  publish_role();
  advance_decided();
  on_group_changed();
}

} // namespace atl::two_phase
