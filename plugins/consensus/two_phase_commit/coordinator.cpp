#include "replica.hpp"

#include <algorithm>

/// The coordinator: accepts proposals, collects the participants' votes, decides.
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

replica::obstacle replica::write_refusal_reason() const {
  if (stopped_)
    return {"this replica has stopped"};
  if (!is_coordinator()) {
    auto leader = peers_.find(leader_id());
    if (leader != peers_.end() && is_down(leader->second))
      return {"the coordinator is down: " + describe_silence(leader->second)};
    return complete_ || !is_voter()
               ? obstacle{}
               : busy("this replica lost its disk, or is new, and is catching up");
  }
  auto needed = phase_ == phase::serving ? other_voters() : replicas_to_collect();
  for (auto id : needed)
    if (auto& it = peers_.at(id); is_down(it))
      return {describe_silence(it) +
              "; two-phase commit needs every participant: bring the replica back"};
  for (auto id : needed) {
    auto& it = peers_.at(id);
    auto name = "replica " + std::to_string(it.id);
    // A restarted peer's state is known once it answers this incarnation.
    if (phase_ == phase::serving && !it.known)
      return busy(name + " has restarted and not yet joined epoch " + std::to_string(epoch_));
    if (phase_ == phase::serving && !it.complete)
      return busy(name + " lost its disk, or is new, and is catching up: it has " +
                  std::to_string(it.decided) + " of " + std::to_string(decided_) + " entries");
    if (phase_ != phase::probing && (!it.known || it.epoch != epoch_))
      return busy(name + " has not yet joined epoch " + std::to_string(epoch_));
  }
  if (phase_ == phase::serving) {
    for (auto id : known_group().voters)
      if (has(declared_lost_, id))
        return {"replica " + std::to_string(id) +
                " was declared lost: remove it from the group, or replace it"};
    return {};
  }
  if (!collect_blocked_reason_.empty())
    return {collect_blocked_reason_};
  return busy("replica " + std::to_string(self_) +
              " is recovering from its peers what its own disk lacks");
}

/// A change requires that no other entry is open, and blocks later proposals until it is decided.
replica::obstacle replica::proposal_refusal_reason() const {
  auto why = write_refusal_reason();
  return !why && change_ && !change_->waits_for_joiners
             ? busy("busy: the members of the group are being changed; try again")
             : why;
}

void replica::refuse_proposal(spi::request_id id, obstacle why, spi::replica_id hint) {
  effects_.push_back(spi::refuse{id, why.kind, hint, std::move(why.reason)});
}

/// Refuses a request on a replica that does not coordinate. Names the coordinator only if it would
/// accept the request.
void replica::redirect_to_coordinator(spi::request_id id) {
  if (stopped_)
    return refuse_proposal(id, write_refusal_reason());
  auto leader = leader_id();
  if (leader == self_ || leader == 0)
    return refuse_proposal(
        id, busy("replica " + std::to_string(self_) +
                 " will coordinate this group, and has not heard from all members yet"));
  if (auto why = is_member() ? write_refusal_reason() : obstacle{})
    return refuse_proposal(id, std::move(why));
  refuse_proposal(id, {"replica " + std::to_string(leader) + " coordinates this group"}, leader);
}

void replica::propose(spi::request_id id, std::string command) {
  if (auto why = write_refusal_reason(); !is_coordinator() && why)
    return refuse_proposal(id, std::move(why));
  if (!is_coordinator())
    return redirect_to_coordinator(id);
  if (auto why = proposal_refusal_reason())
    return refuse_proposal(id, std::move(why));
  if (command.size() > max_command_bytes)
    return refuse_proposal(id, {"the command of " + std::to_string(command.size()) +
                                " bytes is larger than the limit of 16 MiB"});
  if (open_entries() + validating_.size() >= config_.max_in_flight)
    return refuse_proposal(id, busy("busy: " + std::to_string(config_.max_in_flight) +
                                    " proposals are in flight; try again"));
  if (log_.bytes() > config_.log_bytes)
    return refuse_proposal(
        id,
        busy("busy: the log is full, because a replica's state machine has only applied index " +
             std::to_string(applied_by_all()) + "; try again"));
  auto ticket = ++last_ticket_;
  effects_.push_back(spi::validate{ticket, command});
  validating_.emplace(ticket, validation{0, id, epoch_, std::move(command)});
}

void replica::append(spi::request_id id, entry_kind kind, std::string command) {
  auto index = std::max(log_.last(), decided_) + 1;
  auto& it = log_.at(index);
  it.epoch = epoch_;
  it.kind = kind;
  it.id = id;
  it.since = now_;
  it.votes = 0; // this replica's own vote counts when the entry is durable
  log_.set_command(it, std::move(command));
  log_.set_state(index, slot_state::prepared);
  put_prepare(index, it);
  new_prepares_.push_back(index);
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

// -- votes ------------------------------------------------------------------------------------

void replica::on_votes(peer& from, const header& head, const std::vector<vote_entry>& votes) {
  if (head.epoch != epoch_ || phase_ != phase::serving || bit_of(from.id) == 0) {
    ++dropped_;
    return;
  }
  auto progressed = false;
  for (auto& vote : votes) {
    if (vote.yes)
      progressed = record_vote(vote.index, bit_of(from.id)) || progressed;
    else if (is_open(vote.index))
      abort(vote.index,
            {"replica " + std::to_string(from.id) + " voted no: " + std::string{vote.reason}});
  }
  if (progressed)
    advance_decided();
}

/// True while the index has neither a decision nor one that is being written; only then do votes
/// count.
bool replica::is_open(spi::log_index index) const {
  auto it = index > decided_ ? log_.find(index) : nullptr;
  return it && it->state == slot_state::prepared && it->pending == decision::none;
}

/// @returns whether this vote completed the set, which commits the entry.
bool replica::record_vote(spi::log_index index, std::uint64_t bit) {
  if (!is_open(index))
    return false;
  auto& it = *log_.find(index);
  it.votes |= bit;
  if (it.votes != all_votes_)
    return false;
  commit(index);
  return true;
}

/// Counts this coordinator's own vote: its prepare record is durable. @returns whether that
/// committed the entry.
bool replica::record_own_vote(spi::log_index index) {
  auto votes = !stopped_ && is_coordinator() && phase_ == phase::serving;
  return votes && is_open(index) && log_.find(index)->epoch == epoch_ &&
         record_vote(index, bit_of(self_));
}

std::string replica::missing_votes(std::uint64_t votes) const {
  std::string out;
  for (auto id : quorum_)
    if ((votes & bit_of(id)) == 0)
      out += (out.empty() ? "" : ", ") + std::to_string(id);
  return out;
}

spi::timestamp replica::vote_deadline() const {
  if (phase_ != phase::serving)
    return spi::timestamp::max();
  for (auto index = std::max(first_undecided_, decided_ + 1); index < log_.end(); ++index) {
    if (is_open(index))
      return log_.find(index)->since + config_.vote_timeout;
  }
  return spi::timestamp::max();
}

void replica::abort_overdue() {
  if (phase_ != phase::serving)
    return;
  for (first_undecided_ = std::max({first_undecided_, decided_ + 1, log_.first()});
       first_undecided_ < log_.end(); ++first_undecided_) {
    if (!is_open(first_undecided_))
      continue;
    auto& it = *log_.find(first_undecided_);
    if (now_ < it.since + config_.vote_timeout)
      return;
    abort(first_undecided_,
          busy("no vote arrived in time from replica " + missing_votes(it.votes)));
  }
}

/// Aborts the open entries that lack the vote of `missing`, or all open entries.
void replica::abort_open(const peer& missing, bool all, const std::string& reason) {
  auto bit = bit_of(missing.id);
  if (phase_ != phase::serving || bit == 0)
    return;
  for (auto index = std::max(decided_ + 1, log_.first()); index < log_.end(); ++index)
    if (is_open(index) && (all || (log_.find(index)->votes & bit) == 0))
      abort(index, {reason});
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

// -- sending ----------------------------------------------------------------------------------

void replica::send_prepares(peer& to, const std::vector<spi::log_index>& indexes) {
  for (std::size_t i = 0; i < indexes.size();) {
    std::size_t bytes = 0;
    auto first = i;
    auto change = false;
    for (; i < indexes.size(); ++i) {
      auto& it = *log_.find(indexes[i]);
      if (i > first && bytes + it.command.size() + 13 > config_.batch_bytes)
        break;
      bytes += it.command.size() + 13;
      change = change || it.kind == entry_kind::change;
    }
    spi::writer out;
    write_header(out, head_for(to, message_type::prepare));
    out.put(static_cast<std::uint32_t>(i - first));
    for (auto k = first; k < i; ++k) {
      auto& it = *log_.find(indexes[k]);
      out.put(indexes[k]).put(it.kind).put(it.command);
    }
    // All disks write concurrently. If this coordinator crashes before its own write, its next
    // incarnation learns a command from the voters; but it would not know the joining replicas of a
    // change, so a change waits until it is durable here.
    emit_send(to.id, out.take(), change ? after_queued_ops() : after_hard_state());
  }
}

void replica::flush_prepares() {
  std::erase_if(new_prepares_, [this](auto index) { return !is_open(index); });
  if (new_prepares_.empty())
    return;
  for (auto id : quorum_)
    if (auto it = find_peer(id))
      send_prepares(*it, new_prepares_);
  new_prepares_.clear();
}

void replica::flush_decisions() {
  if (new_decisions_.empty())
    return;
  for (auto id : quorum_) {
    auto it = find_peer(id);
    if (!it)
      continue;
    spi::writer out;
    write_header(out, head_for(*it, message_type::decide));
    out.put(static_cast<std::uint32_t>(new_decisions_.size()));
    for (auto& made : new_decisions_)
      out.put(made.index).put(made.commit);
    emit_send(id, out.take(),
              0); // no wait: a decision is queued here only when it can no longer be lost
  }
  new_decisions_.clear();
}

void replica::resend_prepares() {
  if (phase_ != phase::serving)
    return;
  std::vector<spi::log_index> indexes;
  for (auto id : quorum_) {
    auto peer = find_peer(id);
    if (!peer || is_down(*peer))
      continue;
    auto& to = *peer;
    indexes.clear();
    std::size_t bytes = 0;
    for (auto index = std::max(decided_ + 1, log_.first());
         index < log_.end() && bytes < config_.batch_bytes; ++index) {
      auto it = log_.find(index);
      if (!is_open(index) || (it->votes & bit_of(to.id)) != 0 ||
          now_ - it->since < config_.heartbeat)
        continue;
      indexes.push_back(index);
      bytes += it->command.size() + 13;
    }
    send_prepares(to, indexes);
  }
}

} // namespace atl::two_phase
