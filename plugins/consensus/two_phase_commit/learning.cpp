#include "replica.hpp"

#include <algorithm>

/// Fetching from peers: missed decisions, unreadable records, and the whole log of a replica that
/// lost its disk or is a new learner.
namespace atl::two_phase {

namespace {

constexpr std::size_t entries_per_message_max = 4096;

} // namespace

// -- taking in what is decided ----------------------------------------------------------------

/// Records a decision, and the entry if this replica lacks it. @returns whether that was new.
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
         " here, and another replica reports the opposite: the replicas have diverged (was "
         "lost_decisions set?); compare their states before restarting them");
    return false;
  }
  if (it.decided() || it.pending != decision::none)
    return false;
  if (is_coordinator() && phase_ == phase::serving && it.state == slot_state::prepared)
    return false; // this coordinator decides this entry itself
  auto readable = it.state == slot_state::prepared;
  if (entry.state == slot_state::committed && (!it.has_command || it.epoch != entry.epoch)) {
    // A learner may hold an entry of an older epoch that was never decided.
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
    commit_barrier_ = open_token();
    must_persist_ = true;
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

void replica::send_fetch(peer& to, spi::log_index from, bool in_doubt, snapshot_mode snapshot) {
  fetch_ = {true, in_doubt, to.id, ++last_nonce_, from, now_};
  spi::writer out;
  write_header(out, head_for(to, message_type::fetch));
  encode(out, fetch{fetch_.nonce, from, in_doubt, snapshot});
  emit_send(to.id, out.take(), after_hard_state());
}

/// Fills in entries from `body.from` on. @returns false when the log no longer holds that index.
bool replica::fill(entries& out, const fetch& body) const {
  auto index = body.from;
  std::size_t bytes = 0;
  for (; index <= out.last; ++index) {
    auto it = log_.find(index);
    if (index <= out.decided && (!it || !it->decided()))
      break; // the entry is only in the state machine
    if (!it) // no record lies between the decided prefix and the first slot
      index = std::max(index, log_.first() - 1);
    if (!it || it->state == slot_state::empty)
      continue;
    auto in_doubt = it->state == slot_state::prepared || it->state == slot_state::damaged;
    if (in_doubt && !body.in_doubt)
      continue;
    if (!out.known.empty() && (bytes + it->command.size() > config_.batch_bytes ||
                               out.known.size() == entries_per_message_max))
      break;
    bytes += it->command.size() + 25;
    out.known.push_back({index, it->state, it->kind, it->epoch, it->command});
  }
  out.next = index;
  return index != body.from || index > out.last;
}

/// The last index whose decision peer `id` may be told. A decision known to this coordinator alone
/// is lost with its disk, and the end of the log may be reused then: a learner, which recovery does
/// not ask, must not have learned it.
spi::log_index replica::disclosed_up_to(spi::replica_id id) const {
  auto others = other_voters();
  if (!is_coordinator() || others.empty() || known_group().is_voter(id))
    return UINT64_MAX;
  spi::log_index most = 0;
  for (auto other : others)
    most = std::max(most, peers_.at(other).decided);
  return most;
}

void replica::serve_fetch(peer& from, const fetch& body) {
  auto limit = disclosed_up_to(from.id);
  entries out;
  out.nonce = body.nonce;
  out.complete = complete_;
  out.decided = std::min(decided_, limit);
  out.last = std::min(std::max(log_.last(), decided_), limit);
  out.next = body.from;
  auto filled = body.snapshot != snapshot_mode::always && fill(out, body);
  auto may_send = limit >= decided_; // a snapshot contains everything up to `decided_`
  if (!filled && may_send && body.snapshot != snapshot_mode::never && decided_ > 0 &&
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
  emit_send(from.id, message.take(),
            after_queued_ops()); // this replica must not forget what it reported
}

void replica::on_entries(peer& from, const header& head, const entries& body) {
  if (!fetch_.outstanding || fetch_.to != from.id || fetch_.nonce != body.nonce) {
    ++dropped_;
    return;
  }
  fetch_.outstanding = false;
  if (fetch_.collects) {
    if (is_coordinator() && phase_ == phase::collecting && head.epoch == epoch_)
      on_collected(from, body);
    return;
  }
  auto before = decided_;
  learn_all(body);
  advance_decided();
  if (decided_ > before && decided_ < body.decided && installing_ == 0)
    send_fetch(from, decided_ + 1, false, snapshot_mode::if_needed);
}

peer* replica::choose_fetch_target() {
  if (active_peers_.empty())
    return nullptr;
  auto leader = find_peer(leader_id());
  // Every fourth fetch goes to another peer, which may have what the coordinator lacks.
  if (!is_coordinator() && leader && leader->complete && !is_down(*leader) &&
      ++fetch_targets_chosen_ % 4 != 0)
    return leader;
  return find_peer(active_peers_[next_fetch_target_++ % active_peers_.size()]);
}

void replica::fetch_when_stalled() {
  if (stopped_ || installing_ != 0)
    return;
  if (fetch_.outstanding && now_ - fetch_.sent < 3 * config_.heartbeat)
    return;
  fetch_.outstanding = false;
  // A peer reports a newer membership than this coordinator's log holds: fetch that change first.
  auto behind = complete_ && latest_group_.index > members_since();
  if (is_coordinator() && phase_ == phase::collecting && !behind)
    return collect_next();
  auto log_starts_late = decided_ + 1 < log_.first();
  if (!is_coordinator() || behind) {
    auto known = std::max({log_.last(), coordinator_decided_, latest_group_.index,
                           knows_catch_up_ ? catch_up_to_ : 0});
    auto stalled = decided_ == decided_at_tick_ || !complete_;
    auto to = decided_ < known && stalled && (complete_ || knows_catch_up_) ? choose_fetch_target()
                                                                            : nullptr;
    if (to)
      return send_fetch(*to, decided_ + 1, false,
                        log_starts_late ? snapshot_mode::always : snapshot_mode::if_needed);
  }
  // Entries that the state machine has applied are optional: each peer is asked only a few times.
  if (!repairs_.empty() && repair_attempts_++ < 4 * active_peers_.size() + 4)
    if (auto to = choose_fetch_target())
      send_fetch(*to, *repairs_.begin(), false, snapshot_mode::never);
}

} // namespace atl::two_phase
