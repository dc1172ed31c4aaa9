#include "replica.hpp"

#include <algorithm>
#include <utility>

/// A coordinator that takes over, or lost something: what the one before it decided, or it itself
/// in an earlier incarnation, the others know, or nobody does.
namespace atl::two_phase {

// -- a coordinator that lost something --------------------------------------------------------

/// One that was another one's participant, or has an empty disk: what an earlier coordinator has
/// decided, it doesn't know.
void replica::take_over() {
  phase_ = phase::probing;
  needs_gather_ = true;
  follows_ = true;
  put_standing();
  fetch_.outstanding = false;
  gather_reason_.clear();
  votes_.clear();
  for (auto& [id, it] : peers_)
    it.known = false;
  beat_now_ = true;
  say_role();
}

void replica::move_on() {
  if (!coordinator() || phase_ == phase::serving || phase_ == phase::gathering)
    return;
  auto others = to_gather();
  auto all = [&](auto holds) {
    return std::all_of(others.begin(), others.end(), [&](auto id) { return holds(peers_.at(id)); });
  };
  if (!all([](auto& it) { return it.known; }))
    return;
  // All that are known have empty disks: a new group, or one that others have joined since, who say
  // so soon.
  auto new_group = !whole_ && all([](auto& it) { return !it.whole; });
  if (new_group && incarnation_ > 1 && now_ < started_ + config_.failure_timeout)
    return;
  if (phase_ == phase::promising && !all([this](auto& it) { return it.epoch <= epoch_; }))
    phase_ = phase::probing; // one of them has promised more to an earlier coordinator
  if (phase_ == phase::probing) {
    for (auto id : others)
      epoch_ = std::max(epoch_, peers_.at(id).epoch);
    for (auto index = log_.first(); index < log_.end(); ++index)
      epoch_ = std::max(epoch_, log_.find(index)->epoch);
    ++epoch_;
    put_standing();
    phase_ = phase::promising;
    beat_now_ = true;
  }
  if (!all([this](auto& it) { return it.epoch == epoch_; }))
    return;
  // One of them has prepared what this disk didn't get to keep.
  auto known = std::max(log_.last(), decided_);
  if (!whole_ || needs_gather_ || !all([known](auto& it) { return it.last <= known; }))
    return begin_gathering();
  phase_ = phase::serving;
  say_role();
}

/// Whose logs must be read: those of all other voters, and of those who would be voters by a change
/// of which nobody knows what became.
std::vector<spi::replica_id> replica::to_gather() const {
  auto out = view().voters;
  if (auto doubtful = doubtful_change())
    out = united(out, doubtful->group.voters);
  out = without(std::move(out), lost_);
  std::erase(out, self_);
  return out;
}

/// Each participant has promised this epoch, so no message of an earlier coordinator changes what
/// it holds any more, and none of its earlier decisions is yet to come.
void replica::begin_gathering() {
  phase_ = phase::gathering;
  needs_gather_ = true;
  set_electors(to_gather());
  for (auto index = log_.first(); index < log_.end(); ++index)
    log_.find(index)->votes = 0;
  for (auto& [id, it] : peers_)
    it.gathered = false;
  gather_cursor_ = 0;
  gather_next();
}

void replica::gather_next() {
  if (now_ < gather_again_ || fetch_.outstanding || installing_ != 0)
    return;
  auto others = to_gather();
  if (others != electors_) {
    renew_circle();
    return begin_gathering(); // the log tells of others, or of a newer group
  }
  for (auto id : others) {
    auto& it = peers_.at(id);
    if (it.gathered)
      continue;
    if (down(it) || !it.known || it.epoch != epoch_)
      return; // status says whom this waits for
    gather_cursor_ = std::max(gather_cursor_, decided_ + 1);
    auto headless = decided_ + 1 < log_.first();
    return send_fetch(it, gather_cursor_, true,
                      headless ? snapshot_wish::surely : snapshot_wish::if_needed);
  }
  resolve();
}

void replica::on_gathered(peer& from, const entries& body) {
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
  renew_circle(); // some of these may change the group
  advance_decided();
  if (!coordinator() || phase_ != phase::gathering)
    return; // one of the entries made another one coordinate
  from.last = std::max(from.last, body.last);
  if (body.snapshot)
    return; // the next tick asks again, behind the snapshot if it came by then
  if (body.next <= body.last && body.next > gather_cursor_) {
    gather_cursor_ = body.next;
  } else {
    from.gathered = true;
    gather_cursor_ = 0;
  }
  gather_next();
}

void replica::forget_gathered(peer& from) {
  if (fetch_.to == from.id)
    fetch_.outstanding = false;
  if (phase_ != phase::gathering)
    return;
  from.gathered = false;
  gather_cursor_ = 0;
  for (auto index = log_.first(); index < log_.end(); ++index)
    log_.find(index)->votes &= ~bit_of(from.id);
}

decision replica::resolve_one(const slot* it) const {
  auto in_doubt = it ? it->votes : 0;
  if (whole_ && (!it || it->state == slot_state::empty))
    return decision::abort; // never prepared here
  auto change = it && it->kind == entry_kind::change;
  for (auto id : electors_) // those of a change alone have no vote on anything else
    if (auto& other = peers_.at(id);
        other.whole && (in_doubt & bit_of(id)) == 0 && (change || view().votes(id)))
      return decision::abort; // it never voted yes, so this was never committed
  // Whoever left it open is an earlier incarnation of this coordinator: it told nobody of an abort
  // that isn't on this disk, and may have answered that it was committed.
  auto alone = electors_.empty() && lost_.empty();
  auto ours = (whole_ && !follows_) || alone;
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
    return block_gathering("replica " + std::to_string(self_) +
                           " lacks what was cut from its log, and no other one has sent it a "
                           "snapshot of that");
  if (members_since() < heard_.index)
    return block_gathering("replica " + std::to_string(self_) +
                           " hasn't learnt yet what became of the group at index " +
                           std::to_string(heard_.index));
  if (last > decided_ + 2 * config_.window())
    return block_gathering("a participant claims to know of index " + std::to_string(last) +
                           ", far beyond the last decided one, " + std::to_string(decided_) +
                           ": stop the replica that does and look at its disk");
  for (auto index = decided_ + 1; index <= last; ++index) {
    auto it = log_.find(index);
    if (it && it->state == slot_state::command_lost)
      return stop("index " + std::to_string(index) +
                  " was committed, and no replica can read its command any more: restore one "
                  "replica's disk from before the damage");
    if (it && (it->decided() || it->pending != decision::none))
      continue;
    if (resolve_one(it) == decision::none)
      return block_gathering(
          "whether index " + std::to_string(index) +
          " was committed is lost with the coordinator's record, all that is left have prepared "
          "it, and either may have been told to a client: " +
          way_out() + "set lost_decisions to commit or abort for one start of replica " +
          std::to_string(self_));
  }
  for (auto index = decided_ + 1; index <= last; ++index) {
    log_.at(index);
    auto it = log_.find(index);
    if (it->decided() || it->pending != decision::none)
      continue;
    if (resolve_one(it) == decision::abort) {
      abort(index, {}); // durably: whoever never had it may lose its disk, and the proof with it
      continue;
    }
    auto command = it->command;
    log_.drop_command(*it);
    learn({index, slot_state::committed, it->kind, epoch_, command});
  }
  finish_recovery(last);
}

std::string replica::way_out() const {
  if (whole_ && !lost_.empty()) // it was another one's disk, and is gone
    return "look at what clients were told, and ";
  return "restore the disk of replica " + std::to_string(self_) + ", or ";
}

void replica::block_gathering(std::string reason) {
  gather_reason_ = std::move(reason);
  gather_again_ = now_ + config_.failure_timeout;
  for (auto& [id, it] : peers_)
    it.gathered = false;
  gather_cursor_ = 0;
}

void replica::finish_recovery(spi::log_index last) {
  whole_ = true;
  needs_gather_ = follows_ = false;
  gather_reason_.clear();
  undecided_ = last + 1;
  put_standing();
  phase_ = phase::serving;
  set_electors(members().voters);
  beat_now_ = true;
  say_role();
  advance_decided();
  review_group();
}

} // namespace atl::two_phase
