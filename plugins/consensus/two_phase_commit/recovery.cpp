#include "replica.hpp"

#include <algorithm>

/// Learning from others: decisions that were missed, records that can't be read, a whole log that
/// went with its disk.
namespace atl::two_phase {

namespace {

constexpr std::size_t max_entries_a_message = 4096;

} // namespace

// -- taking in what is decided ----------------------------------------------------------------

/// @returns whether anything was new.
bool replica::learn(spi::log_position position, bool commit, const std::string_view* command,
                    std::uint64_t epoch) {
  if (position < log_.first() || position > decided_ + 2 * config_.window()) {
    ++dropped_;
    return false;
  }
  auto covered = position <= decided_;
  if (covered && repairs_.count(position) == 0)
    return false;
  auto& it = log_.at(position);
  auto committed = it.state == slot_state::committed || it.state == slot_state::command_lost;
  if ((committed && !commit) || (it.state == slot_state::aborted && commit)) {
    stop("position " + std::to_string(position) + " was " + (committed ? "committed" : "aborted") +
         " here, and another replica says the opposite: the replicas have diverged (was a lost "
         "decision made by hand?); compare their states before going on");
    return false;
  }
  if (it.decided() || it.pending != decision::none)
    return false;
  if (coordinator() && whole_ && it.state == slot_state::prepared)
    return false; // ours to decide
  auto readable = it.state == slot_state::prepared;
  if (commit && command && !it.has_command)
    log_.set_command(it, std::string{*command});
  if (commit && !it.has_command && it.state == slot_state::command_lost)
    return false;
  if (commit) {
    log_.set_state(position, it.has_command ? slot_state::committed : slot_state::command_lost);
    if (it.has_command && !readable) {
      it.epoch = epoch;
      put_prepare(position, it);
    }
  } else {
    log_.set_state(position, slot_state::aborted);
    log_.drop_command(it);
  }
  put_decision(position, commit);
  if (it.decided())
    repairs_.erase(position);
  return true;
}

void replica::learn_all(const entries& body) {
  for (auto& entry : body.known) {
    if (entry.position > decided_ + config_.window())
      advance_decided();
    if (entry.state == slot_state::committed)
      learn(entry.position, true, &entry.command, entry.epoch);
    else if (entry.state == slot_state::command_lost)
      learn(entry.position, true, nullptr, entry.epoch);
    else if (entry.state == slot_state::aborted)
      learn(entry.position, false, nullptr, entry.epoch);
  }
}

// -- asking and answering ---------------------------------------------------------------------

void replica::send_fetch(peer& to, spi::log_position from, bool in_doubt, snapshot_wish snapshot) {
  fetch_ = {true, to.id, ++nonces_, from, now_};
  spi::writer out;
  write_header(out, head_for(to, message_type::fetch));
  encode(out, fetch{fetch_.nonce, from, in_doubt, snapshot});
  emit_send(to.id, out.take(), after_meta());
}

/// @returns false when the log doesn't have what was asked for.
bool replica::fill(entries& out, const fetch& body) const {
  auto position = body.from;
  std::size_t bytes = 0;
  for (; position <= out.last; ++position) {
    auto it = log_.find(position);
    if (position <= decided_ && (!it || !it->decided()))
      break; // only the state machine has it
    if (!it || it->state == slot_state::empty)
      continue;
    auto in_doubt = it->state == slot_state::prepared || it->state == slot_state::damaged;
    if (in_doubt && !body.in_doubt)
      continue;
    if (!out.known.empty() && (bytes + it->command.size() > config_.batch_bytes ||
                               out.known.size() == max_entries_a_message))
      break;
    bytes += it->command.size() + 24;
    out.known.push_back({position, it->state, it->epoch, it->command});
  }
  out.next = position;
  return position != body.from || position > out.last;
}

void replica::serve_fetch(peer& from, const fetch& body) {
  entries out;
  out.nonce = body.nonce;
  out.whole = whole_;
  out.decided = decided_;
  out.last = std::max(log_.last(), decided_);
  out.next = body.from;
  auto filled = body.snapshot != snapshot_wish::surely && fill(out, body);
  if (!filled && body.snapshot != snapshot_wish::never && decided_ > 0 && body.from <= decided_) {
    out.snapshot = true;
    if (!from.snapshot_under_way) {
      from.snapshot_under_way = true;
      effects_.push_back(spi::send_snapshot{from.id});
    }
  }
  spi::writer message;
  write_header(message, head_for(from, message_type::entries));
  encode(message, out);
  emit_send(from.id, message.take(), after_now()); // what is told shall not be forgotten
}

void replica::on_entries(peer& from, const header& head, const entries& body) {
  if (!fetch_.outstanding || fetch_.to != from.id || fetch_.nonce != body.nonce) {
    ++dropped_;
    return;
  }
  fetch_.outstanding = false;
  if (phase_ == phase::gathering) {
    if (head.epoch == epoch_)
      on_gathered(from, body);
    return;
  }
  auto before = decided_;
  learn_all(body);
  advance_decided();
  if (decided_ > before && decided_ < body.decided && installing_ == 0)
    send_fetch(from, decided_ + 1, false, snapshot_wish::if_needed);
}

peer* replica::whom_to_ask() {
  if (peers_.empty())
    return nullptr;
  auto& leader = peers_.front();
  if (!coordinator() && leader.whole && !down(leader))
    return &leader;
  return &peers_[ask_next_++ % peers_.size()];
}

void replica::fetch_when_stalled() {
  if (stopped_ || installing_ != 0)
    return;
  if (fetch_.outstanding && now_ - fetch_.sent < 3 * config_.heartbeat)
    return;
  fetch_.outstanding = false;
  if (phase_ == phase::gathering)
    return gather_next();
  auto headless = decided_ + 1 < log_.first();
  if (!coordinator()) {
    auto known = std::max({log_.last(), coordinator_decided_, knows_catch_up_ ? catch_up_to_ : 0});
    auto stalled = decided_ == decided_at_tick_ || !whole_;
    if (decided_ < known && stalled && (whole_ || knows_catch_up_))
      return send_fetch(*whom_to_ask(), decided_ + 1, false,
                        headless ? snapshot_wish::surely : snapshot_wish::if_needed);
  }
  // Each of the others is asked a few times for what the state machine has anyway.
  if (!repairs_.empty() && repair_attempts_++ < 4 * peers_.size() + 4)
    if (auto to = whom_to_ask())
      send_fetch(*to, *repairs_.begin(), false, snapshot_wish::never);
}

// -- a coordinator that lost something --------------------------------------------------------

void replica::move_on() {
  auto all_known = std::all_of(peers_.begin(), peers_.end(), [](auto& it) { return it.known; });
  if (!all_known)
    return;
  if (phase_ == phase::probing) {
    for (auto& it : peers_)
      epoch_ = std::max(epoch_, it.epoch);
    ++epoch_;
    put_meta();
    phase_ = phase::promising;
    beat_now_ = true;
  } else if (phase_ == phase::promising) {
    if (std::any_of(peers_.begin(), peers_.end(), [this](auto& it) { return it.epoch < epoch_; }))
      return;
    if (!whole_ || needs_gather_)
      return begin_gathering();
    phase_ = phase::serving;
    say_role();
  }
}

/// Each participant has promised this epoch, so no message of an earlier coordinator changes what
/// it holds any more, and none of its earlier decisions is yet to come.
void replica::begin_gathering() {
  phase_ = phase::gathering;
  needs_gather_ = true;
  for (auto position = log_.first(); position < log_.end(); ++position)
    log_.find(position)->votes = 0;
  for (auto& it : peers_)
    it.gathered = false;
  gather_cursor_ = 0;
  gather_next();
}

void replica::gather_next() {
  if (now_ < gather_again_ || fetch_.outstanding || installing_ != 0)
    return;
  for (auto& it : peers_) {
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
    if (!in_doubt || entry.position <= decided_ || entry.position < log_.first() ||
        entry.position > std::max(decided_, body.decided) + config_.window())
      continue;
    auto& it = log_.at(entry.position);
    it.votes |= bit_of(from.id);
    if (it.state == slot_state::command_lost && entry.state == slot_state::prepared)
      learn(entry.position, true, &entry.command, entry.epoch);
    if (!it.has_command && entry.state == slot_state::prepared) {
      log_.set_command(it, std::string{entry.command});
      it.epoch = entry.epoch;
    }
  }
  learn_all(body);
  advance_decided();
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
  for (auto position = log_.first(); position < log_.end(); ++position)
    log_.find(position)->votes &= ~bit_of(from.id);
}

decision replica::resolve_one(const slot* it) const {
  auto in_doubt = it ? it->votes : 0;
  for (auto& other : peers_)
    if (other.whole && (in_doubt & bit_of(other.id)) == 0)
      return decision::abort; // it never voted yes, so this was never committed
  if (config_.lost_decisions == lost_decision::abort)
    return decision::abort;
  if (config_.lost_decisions == lost_decision::commit && it && it->has_command)
    return decision::commit;
  return decision::none;
}

void replica::resolve() {
  auto last = std::max(log_.last(), decided_);
  for (auto& it : peers_)
    last = std::max(last, it.last);
  if (last > decided_ + 2 * config_.window())
    return block_gathering("a participant claims to know of position " + std::to_string(last) +
                           ", far beyond the last decided one, " + std::to_string(decided_) +
                           ": stop the replica that does and look at its disk");
  for (auto position = decided_ + 1; position <= last; ++position) {
    auto it = log_.find(position);
    if (it && it->state == slot_state::command_lost)
      return stop("position " + std::to_string(position) +
                  " was committed, and no replica can read its command any more: restore one "
                  "replica's disk from before the damage");
    if (it && (it->decided() || it->pending != decision::none))
      continue;
    if (resolve_one(it) == decision::none)
      return block_gathering(
          "whether position " + std::to_string(position) +
          " was committed is lost with the coordinator's record, all that is left have prepared "
          "it, and either may have been told to a client: restore the disk of replica " +
          std::to_string(self_) + ", or set lost_decisions to commit or abort for one start of it");
  }
  for (auto position = decided_ + 1; position <= last; ++position) {
    log_.at(position);
    auto it = log_.find(position);
    if (it->decided() || it->pending != decision::none)
      continue;
    std::string_view command = it->command;
    auto commit = resolve_one(it) == decision::commit;
    if (it->state == slot_state::prepared && coordinator() && whole_)
      log_.set_state(position, slot_state::damaged);
    learn(position, commit, commit ? &command : nullptr, epoch_);
  }
  finish_recovery(last);
}

void replica::block_gathering(std::string reason) {
  gather_reason_ = std::move(reason);
  gather_again_ = now_ + config_.failure_timeout;
  for (auto& it : peers_)
    it.gathered = false;
  gather_cursor_ = 0;
}

void replica::finish_recovery(spi::log_position last) {
  whole_ = true;
  needs_gather_ = false;
  gather_reason_.clear();
  undecided_ = last + 1;
  put_meta();
  phase_ = phase::serving;
  beat_now_ = true;
  say_role();
  advance_decided();
}

// -- snapshots --------------------------------------------------------------------------------

void replica::on_snapshot_sent(spi::replica_id to, bool) {
  if (auto it = find_peer(to))
    it->snapshot_under_way = false;
}

std::string replica::snapshot_blob(spi::log_position position) const {
  return encode_snapshot_head({group_, position});
}

void replica::on_snapshot_received(spi::log_position position, std::string_view blob) {
  snapshot_head head;
  auto wanted = !coordinator() || phase_ == phase::gathering;
  if (stopped_ || !wanted || installing_ != 0 || position <= decided_ ||
      !decode_snapshot_head(blob, head) || head.group != group_ || head.position != position) {
    ++dropped_;
    return;
  }
  installing_ = position;
  flush_apply();
  effects_.push_back(spi::install_snapshot{position});
}

void replica::on_installed(spi::log_position position) {
  if (stopped_ || position != installing_)
    return;
  installing_ = 0;
  decided_ = std::max(decided_, position);
  applied_ = std::max(applied_, position);
  if (log_.first() <= position)
    for (auto stream : {prepare_stream, decision_stream})
      ops_.push_back(spi::erase_records{stream, log_.first(), position});
  log_.cut(position + 1);
  repairs_.erase(repairs_.begin(), repairs_.upper_bound(position));
  put_meta();
  advance_decided();
  if (phase_ == phase::gathering || !whole_)
    fetch_when_stalled();
}

} // namespace atl::two_phase
