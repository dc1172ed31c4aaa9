#include "replica.hpp"

#include <algorithm>

/// Learning from others: decisions that were missed, records that can't be read, a whole log that
/// went with its disk, or that a learner never had.
namespace atl::two_phase {

namespace {

constexpr std::size_t max_entries_a_message = 4096;

} // namespace

// -- taking in what is decided ----------------------------------------------------------------

/// @returns whether anything was new.
bool replica::learn(const known_entry& entry) {
  auto index = entry.index;
  auto commit = entry.state != slot_state::aborted;
  if (index < log_.first() || index > decided_ + 2 * config_.window()) {
    ++dropped_;
    return false;
  }
  auto covered = index <= decided_;
  if (covered && repairs_.count(index) == 0)
    return false;
  auto& it = log_.at(index);
  auto committed = it.state == slot_state::committed || it.state == slot_state::command_lost;
  if ((committed && !commit) || (it.state == slot_state::aborted && commit)) {
    stop("index " + std::to_string(index) + " was " + (committed ? "committed" : "aborted") +
         " here, and another replica says the opposite: the replicas have diverged (was a lost "
         "decision made by hand?); compare their states before going on");
    return false;
  }
  if (it.decided() || it.pending != decision::none)
    return false;
  if (coordinator() && phase_ == phase::serving && it.state == slot_state::prepared)
    return false; // ours to decide
  auto readable = it.state == slot_state::prepared;
  if (entry.state == slot_state::committed && (!it.has_command || it.epoch != entry.epoch)) {
    // What a learner has may be what was prepared there first, and never decided.
    log_.set_command(it, std::string{entry.command});
    it.kind = entry.kind;
    readable = false;
  }
  if (commit && !it.has_command && it.state == slot_state::command_lost)
    return false;
  if (commit) {
    log_.set_state(index, it.has_command ? slot_state::committed : slot_state::command_lost);
    if (it.has_command && !readable) {
      it.epoch = entry.epoch;
      put_prepare(index, it);
    }
  } else {
    log_.set_state(index, slot_state::aborted);
    log_.drop_command(it);
    gate_ = open_token();
    awaited_ = true;
  }
  put_decision(index, commit);
  if (it.decided())
    repairs_.erase(index);
  return true;
}

void replica::learn_all(const entries& body) {
  for (auto& entry : body.known) {
    if (entry.index > decided_ + config_.window())
      advance_decided();
    if (entry.state == slot_state::committed || entry.state == slot_state::command_lost ||
        entry.state == slot_state::aborted)
      learn(entry);
  }
}

// -- asking and answering ---------------------------------------------------------------------

void replica::send_fetch(peer& to, spi::log_index from, bool in_doubt, snapshot_wish snapshot) {
  fetch_ = {true, in_doubt, to.id, ++nonces_, from, now_};
  spi::writer out;
  write_header(out, head_for(to, message_type::fetch));
  encode(out, fetch{fetch_.nonce, from, in_doubt, snapshot});
  emit_send(to.id, out.take(), after_standing());
}

/// @returns false when the log doesn't have what was asked for.
bool replica::fill(entries& out, const fetch& body) const {
  auto index = body.from;
  std::size_t bytes = 0;
  for (; index <= out.last; ++index) {
    auto it = log_.find(index);
    if (index <= out.decided && (!it || !it->decided()))
      break; // only the state machine has it
    if (!it) // nothing is known between what is decided and the first record
      index = std::max(index, log_.first() - 1);
    if (!it || it->state == slot_state::empty)
      continue;
    auto in_doubt = it->state == slot_state::prepared || it->state == slot_state::damaged;
    if (in_doubt && !body.in_doubt)
      continue;
    if (!out.known.empty() && (bytes + it->command.size() > config_.batch_bytes ||
                               out.known.size() == max_entries_a_message))
      break;
    bytes += it->command.size() + 25;
    out.known.push_back({index, it->state, it->kind, it->epoch, it->command});
  }
  out.next = index;
  return index != body.from || index > out.last;
}

/// Up to where another replica may learn what is decided. What this coordinator alone knows goes
/// with its disk if that is lost, and the end of the log may then be used anew: a learner, whom
/// nobody asks in that case, must not have heard of it.
spi::log_index replica::told_to(spi::replica_id id) const {
  auto others = other_voters();
  if (!coordinator() || others.empty() || view().votes(id))
    return UINT64_MAX;
  spi::log_index most = 0;
  for (auto other : others)
    most = std::max(most, peers_.at(other).decided);
  return most;
}

void replica::serve_fetch(peer& from, const fetch& body) {
  auto limit = told_to(from.id);
  entries out;
  out.nonce = body.nonce;
  out.whole = whole_;
  out.decided = std::min(decided_, limit);
  out.last = std::min(std::max(log_.last(), decided_), limit);
  out.next = body.from;
  auto filled = body.snapshot != snapshot_wish::surely && fill(out, body);
  auto may_send = limit >= decided_; // the snapshot would go as far
  if (!filled && may_send && body.snapshot != snapshot_wish::never && decided_ > 0 &&
      body.from <= decided_) {
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
  if (fetch_.gathers) {
    if (coordinator() && phase_ == phase::gathering && head.epoch == epoch_)
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
  if (circle_.empty())
    return nullptr;
  auto leader = find_peer(leader_id());
  // Now and then another one, which may have what the coordinator can't give.
  if (!coordinator() && leader && leader->whole && !down(*leader) && ++asked_ % 4 != 0)
    return leader;
  return find_peer(circle_[ask_next_++ % circle_.size()]);
}

void replica::fetch_when_stalled() {
  if (stopped_ || installing_ != 0)
    return;
  if (fetch_.outstanding && now_ - fetch_.sent < 3 * config_.heartbeat)
    return;
  fetch_.outstanding = false;
  // Somebody knows of a newer group than this coordinator does: it learns of that first.
  auto behind = whole_ && heard_.index > members_since();
  if (coordinator() && phase_ == phase::gathering && !behind)
    return gather_next();
  auto headless = decided_ + 1 < log_.first();
  if (!coordinator() || behind) {
    auto known = std::max(
        {log_.last(), coordinator_decided_, heard_.index, knows_catch_up_ ? catch_up_to_ : 0});
    auto stalled = decided_ == decided_at_tick_ || !whole_;
    auto to = decided_ < known && stalled && (whole_ || knows_catch_up_) ? whom_to_ask() : nullptr;
    if (to)
      return send_fetch(*to, decided_ + 1, false,
                        headless ? snapshot_wish::surely : snapshot_wish::if_needed);
  }
  // Each of the others is asked a few times for what the state machine has anyway.
  if (!repairs_.empty() && repair_attempts_++ < 4 * circle_.size() + 4)
    if (auto to = whom_to_ask())
      send_fetch(*to, *repairs_.begin(), false, snapshot_wish::never);
}

} // namespace atl::two_phase
