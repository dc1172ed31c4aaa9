#include "replica.hpp"

#include <algorithm>

/// The coordinator: takes proposals, asks every participant, decides.
namespace atl::two_phase {

void replica::start_coordinator(bool intact) {
  set_electors(members().voters);
  auto alone = other_voters().empty();
  // What this disk promised is lost, or what is open on it was another coordinator's to decide. One
  // that was born alone may have been joined by others since, who then say so.
  if (intact ? follows_ : !alone || incarnation_ > 1)
    return take_over();
  if (!intact)
    for (auto index = log_.first(); index < log_.end(); ++index)
      epoch_ = std::max(epoch_, log_.find(index)->epoch);
  ++epoch_;
  whole_ = true;
  put_standing();
  for (auto index = std::max(decided_ + 1, log_.first()); index <= log_.last(); ++index)
    review_after_start(index, alone);
  undecided_ = log_.last() + 1;
  phase_ = alone ? phase::serving : phase::promising;
  say_role();
  if (decided_ + 1 < log_.first())
    needs_gather_ = true; // the state machine is behind a log that was cut
  if (needs_gather_ && alone)
    stop("an entry behind index " + std::to_string(decided_) +
         " can't be read, and no other replica has a copy: restore this replica's disk");
}

/// What an earlier incarnation of this coordinator left open.
void replica::review_after_start(spi::log_index index, bool alone) {
  auto& it = *log_.find(index);
  if (it.decided())
    return;
  auto change = it.state == slot_state::prepared && it.kind == entry_kind::change;
  if (it.state == slot_state::empty || change)
    return abort(index, {}); // nobody was told otherwise: that would have been durable
  // A command is committed when all have it, though nobody may have written that down.
  if (alone && it.state == slot_state::prepared && it.has_command)
    commit(index);
  else
    needs_gather_ = true;
}

replica::obstacle replica::why_not_write() const {
  if (stopped_)
    return {"this replica has stopped"};
  if (!coordinator()) {
    auto leader = peers_.find(leader_id());
    if (leader != peers_.end() && down(leader->second))
      return {"the coordinator is away: " + silence(leader->second)};
    return whole_ || !votes() ? obstacle{}
                              : busy("this replica lost its disk, or is new, and is catching up");
  }
  auto needed = phase_ == phase::serving ? other_voters() : to_gather();
  for (auto id : needed)
    if (auto& it = peers_.at(id); down(it))
      return {silence(it) + "; two-phase commit needs every participant: bring it back"};
  for (auto id : needed) {
    auto& it = peers_.at(id);
    auto name = "replica " + std::to_string(it.id);
    // What a new incarnation of it has on its disk is known when it has answered this one.
    if (phase_ == phase::serving && !it.known)
      return busy(name + " has started again, and hasn't yet joined epoch " +
                  std::to_string(epoch_));
    if (phase_ == phase::serving && !it.whole)
      return busy(name + " lost its disk, or is new, and is catching up: it has " +
                  std::to_string(it.decided) + " of " + std::to_string(decided_) + " entries");
    if (phase_ != phase::probing && (!it.known || it.epoch != epoch_))
      return busy(name + " hasn't yet joined epoch " + std::to_string(epoch_));
  }
  if (phase_ == phase::serving) {
    for (auto id : view().voters)
      if (has(lost_, id))
        return {"replica " + std::to_string(id) +
                " was declared lost: take it out of the group, or put a new one in its place"};
    return {};
  }
  if (!gather_reason_.empty())
    return {gather_reason_};
  return busy("replica " + std::to_string(self_) +
              " is learning from the others what its own disk doesn't say");
}

/// Nothing else may be open when a change is proposed, nor be proposed behind it.
replica::obstacle replica::why_not_propose() const {
  auto why = why_not_write();
  return !why && change_ && !change_->waits
             ? busy("busy: the members of the group are being changed; try again")
             : why;
}

void replica::refuse_proposal(spi::request_id id, obstacle why, spi::replica_id hint) {
  effects_.push_back(spi::refuse{id, why.kind, hint, std::move(why.reason)});
}

/// By one that doesn't coordinate. Whoever asks is sent on only to where there's a chance.
void replica::refuse_elsewhere(spi::request_id id) {
  if (stopped_)
    return refuse_proposal(id, why_not_write());
  auto leader = leader_id();
  if (leader == self_ || leader == 0)
    return refuse_proposal(id,
                           busy("replica " + std::to_string(self_) +
                                " is to coordinate this group, and hasn't heard all of it yet"));
  if (auto why = belongs() ? why_not_write() : obstacle{})
    return refuse_proposal(id, std::move(why));
  refuse_proposal(id, {"replica " + std::to_string(leader) + " coordinates this group"}, leader);
}

void replica::propose(spi::request_id id, std::string command) {
  if (auto why = why_not_write(); !coordinator() && why)
    return refuse_proposal(id, std::move(why));
  if (!coordinator())
    return refuse_elsewhere(id);
  if (auto why = why_not_propose())
    return refuse_proposal(id, std::move(why));
  if (command.size() > max_command_bytes)
    return refuse_proposal(id, {"the command of " + std::to_string(command.size()) +
                                " bytes is larger than the 16 MiB that are taken"});
  if (open_entries() + validating_.size() >= config_.max_in_flight)
    return refuse_proposal(id, busy("busy: " + std::to_string(config_.max_in_flight) +
                                    " proposals are under way already; try again"));
  if (log_.bytes() > config_.log_bytes)
    return refuse_proposal(
        id, busy("busy: the log is full, because a replica's state machine is behind at index " +
                 std::to_string(applied_by_all()) + "; try again"));
  auto ticket = ++tickets_;
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
  it.votes = 0; // this replica's own counts when it is durable, like all others
  log_.set_command(it, std::move(command));
  log_.set_state(index, slot_state::prepared);
  put_prepare(index, it);
  new_prepares_.push_back(index);
}

/// A command that everybody has durably is committed, whatever becomes of the record that says so:
/// it can be told at once. That of a change is awaited, for it may put this coordinator out.
void replica::commit(spi::log_index index) {
  auto& it = *log_.find(index);
  it.pending = decision::commit;
  put_decision(index, true);
  if (it.kind == entry_kind::command)
    return settle(index);
  if (auto change = decode_change(it.command)) {
    deciding_group_ = placed_membership{index, std::move(change->group)};
    put_standing();
  }
  deciding_.emplace_back(open_token(), index);
}

/// The others may all have voted yes: nobody hears of this before it is durable.
void replica::abort(spi::log_index index, obstacle why) {
  auto& it = log_.at(index);
  it.pending = decision::abort;
  if (it.state == slot_state::empty)
    log_.set_state(index, slot_state::prepared);
  put_decision(index, false);
  awaited_ = true;
  deciding_.emplace_back(open_token(), index);
  if (it.id != 0)
    abort_reasons_.emplace(index, std::move(why));
}

/// The decision holds, whatever happens: it may be told.
void replica::settle(spi::log_index index) {
  auto it = log_.find(index);
  if (!it || it->decided())
    return;
  auto commits = it->pending == decision::commit;
  it->pending = decision::none;
  log_.set_state(index, commits ? slot_state::committed : slot_state::aborted);
  new_decisions_.push_back({index, commits});
  if (it->kind == entry_kind::change)
    settle_change(index, commits);
  if (commits)
    return;
  log_.drop_command(*it);
  auto reason = abort_reasons_.find(index);
  if (reason == abort_reasons_.end())
    return;
  refuse_proposal(it->id, std::move(reason->second));
  abort_reasons_.erase(reason);
}

/// Those that a change puts out hear of it all the same, and one that puts out its own coordinator
/// is answered when somebody else knows: then whoever goes may be taken away.
void replica::settle_change(spi::log_index index, bool commits) {
  change_.reset();
  deciding_group_.reset();
  if (!commits) {
    set_electors(members().voters);
    return review_group();
  }
  flush_decisions();
  auto change = decode_change(log_.find(index)->command);
  if (!change->group.votes(self_))
    handover_ = index;
  take_effect(index, *change);
}

// -- votes ------------------------------------------------------------------------------------

void replica::on_votes(peer& from, const header& head, const std::vector<vote_entry>& votes) {
  if (head.epoch != epoch_ || phase_ != phase::serving || bit_of(from.id) == 0) {
    ++dropped_;
    return;
  }
  auto moves = false;
  for (auto& vote : votes) {
    if (vote.yes)
      moves = vote_yes(vote.index, bit_of(from.id)) || moves;
    else if (is_open(vote.index))
      abort(vote.index,
            {"replica " + std::to_string(from.id) + " voted no: " + std::string{vote.reason}});
  }
  if (moves)
    advance_decided();
}

/// Undecided, and no decision is on its way to the disk: a vote that comes later changes nothing.
bool replica::is_open(spi::log_index index) const {
  auto it = index > decided_ ? log_.find(index) : nullptr;
  return it && it->state == slot_state::prepared && it->pending == decision::none;
}

/// @returns whether this was the last vote that was missing.
bool replica::vote_yes(spi::log_index index, std::uint64_t bit) {
  if (!is_open(index))
    return false;
  auto& it = *log_.find(index);
  it.votes |= bit;
  if (it.votes != everybody_)
    return false;
  commit(index);
  return true;
}

/// This coordinator's own vote: what it prepared is durable.
bool replica::vote_here(spi::log_index index) {
  auto votes = !stopped_ && coordinator() && phase_ == phase::serving;
  return votes && is_open(index) && log_.find(index)->epoch == epoch_ &&
         vote_yes(index, bit_of(self_));
}

std::string replica::missing_votes(std::uint64_t votes) const {
  std::string out;
  for (auto id : electors_)
    if ((votes & bit_of(id)) == 0)
      out += (out.empty() ? "" : ", ") + std::to_string(id);
  return out;
}

spi::timestamp replica::vote_deadline() const {
  if (phase_ != phase::serving)
    return spi::timestamp::max();
  for (auto index = std::max(undecided_, decided_ + 1); index < log_.end(); ++index) {
    if (is_open(index))
      return log_.find(index)->since + config_.vote_timeout;
  }
  return spi::timestamp::max();
}

void replica::abort_overdue() {
  if (phase_ != phase::serving)
    return;
  for (undecided_ = std::max({undecided_, decided_ + 1, log_.first()}); undecided_ < log_.end();
       ++undecided_) {
    if (!is_open(undecided_))
      continue;
    auto& it = *log_.find(undecided_);
    if (now_ < it.since + config_.vote_timeout)
      return;
    abort(undecided_, busy("no vote came in time from replica " + missing_votes(it.votes)));
  }
}

/// Of what waits for the vote of `missing`; or all that does or did.
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
  for (auto id : electors_)
    if (auto it = find_peer(id); it && down(*it) && !it->down_handled) {
      it->down_handled = true;
      abort_open(*it, it->known && !it->whole, silence(*it));
    }
}

void replica::on_peer_heartbeat(peer& from, const header& head, const heartbeat& body) {
  if (head.to_incarnation != incarnation_)
    return; // it doesn't know of this life yet, so it promised nothing to it
  from.known = true;
  from.epoch = std::max(from.epoch, head.epoch);
  from.last = std::max(from.last, body.last);
  from.whole = from.whole || body.whole; // an older heartbeat may come late
  if (!from.whole)
    abort_open(from, true, "replica " + std::to_string(from.id) + " lost its disk");
  move_on();
  review_change();
}

spi::log_index replica::applied_by_all() const {
  auto least = applied_;
  for (auto id : circle_)
    if (auto& it = peers_.at(id); members().votes(id) || (members().contains(id) && !down(it)))
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
    // All disks write at once. A later incarnation of this coordinator that has lost a command
    // hears of it from the voters; but those who join by a change are none that it would know of.
    emit_send(to.id, out.take(), change ? after_now() : after_standing());
  }
}

void replica::flush_prepares() {
  std::erase_if(new_prepares_, [this](auto index) { return !is_open(index); });
  if (new_prepares_.empty())
    return;
  for (auto id : electors_)
    if (auto it = find_peer(id))
      send_prepares(*it, new_prepares_);
  new_prepares_.clear();
}

void replica::flush_decisions() {
  if (new_decisions_.empty())
    return;
  for (auto id : electors_) {
    auto it = find_peer(id);
    if (!it)
      continue;
    spi::writer out;
    write_header(out, head_for(*it, message_type::decide));
    out.put(static_cast<std::uint32_t>(new_decisions_.size()));
    for (auto& made : new_decisions_)
      out.put(made.index).put(made.commit);
    emit_send(id, out.take(), 0); // it holds already: that is when it is put on this list
  }
  new_decisions_.clear();
}

void replica::resend_prepares() {
  if (phase_ != phase::serving)
    return;
  std::vector<spi::log_index> indexes;
  for (auto id : electors_) {
    auto peer = find_peer(id);
    if (!peer || down(*peer))
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
