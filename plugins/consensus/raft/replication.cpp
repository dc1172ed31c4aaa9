#include "replica.hpp"

namespace atl::raft {

// -- the leader -------------------------------------------------------------------------------

void replica::append_own(entry it) {
  auto is_change = it.type == entry_type::members;
  log_.append(std::move(it));
  put_entry(log_.last());
  if (is_change) {
    changes_[log_.last()] = *decode_membership(log_.at(log_.last()).body);
    publish_members();
  }
}

void replica::send_heartbeats() {
  next_heartbeat_ = now_ + config_.heartbeat;
  timeout_now_sent_ = false;
  send_timeout_now_if_ready();
  for (auto& [id, it] : peers_) {
    if (it.log.has_lost(it.round))
      it.log.resend_from(it.log.acknowledged() + 1);
    if (it.log.next() <= log_.base())
      catch_up_by_snapshot(id, it);
  }
  begin_heartbeat_round();
}

/// Heartbeats go behind what the other one surely holds, so that they are never refused.
void replica::begin_heartbeat_round() {
  ++heartbeat_round_;
  for (auto& [id, it] : peers_)
    send_append(id, it, it.log.match() + 1, 0);
}

void replica::replicate() {
  if (std::exchange(heartbeat_wanted_, false))
    send_heartbeats();
  for (auto& [id, it] : peers_)
    replicate_to(id, it);
}

void replica::replicate_to(spi::replica_id to, progress& it) {
  while (it.log.next() <= log_.last() && it.log.next() > log_.base() &&
         it.log.has_capacity(config_.window_bytes)) {
    auto first = it.log.next();
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (first + count <= log_.last() && (count == 0 || bytes < config_.batch_bytes))
      bytes += log_.at(first + count++).bytes();
    send_append(to, it, first, count);
    it.log.sent(count, bytes, heartbeat_round_);
  }
}

void replica::send_append(spi::replica_id to, const progress& it, spi::log_index first,
                          std::size_t count) {
  auto previous = first - 1;
  append_request head{previous,         0,    commit_, heartbeat_round_, it.log.match(),
                      it.log.attempt(), now_, {}};
  if (previous < log_.base()) // what it lacks is cut: this is but a sign of life
    head.previous = 0;
  else
    head.previous_term = log_.term_at(previous);
  emit_send(to, encode_append(term_, head, log_, first, count), after_vote());
}

/// One at a time, and only to who is there to take it: a snapshot may be large, and take long to
/// install.
void replica::catch_up_by_snapshot(spi::replica_id to, progress& it) {
  if (it.snapshot_under_way || it.round <= it.snapshot_round || now_ < it.next_snapshot_at)
    return;
  it.snapshot_under_way = true;
  it.snapshot_round = heartbeat_round_;
  effects_.push_back(spi::send_snapshot{to});
}

void replica::send_timeout_now_if_ready() {
  auto peer = peers_.find(transferee_);
  if (peer == peers_.end() || peer->second.log.match() != log_.last() || timeout_now_sent_)
    return;
  timeout_now_sent_ = true;
  lease_abandoned_ = true; // it may be elected at any time from now on, as long as the term lasts
  emit_send(transferee_, encode(term_, timeout_now{}));
}

void replica::on_message(spi::replica_id from, std::uint64_t term, const append_response& answer) {
  if (term > term_)
    return follow(term, 0);
  auto peer = peers_.find(from);
  if (term != term_ || role_ != role::leader || peer == peers_.end())
    return;
  auto& it = peer->second;
  it.recently_active = true;
  learn_promise(it, answer);
  if (auto round = std::min(answer.round, heartbeat_round_); round >= it.round) {
    it.round = round;
    it.log.learn_acknowledged(std::min(answer.acknowledged, log_.last()));
  }
  if (!answer.fits) {
    // Only the first refusal of an attempt makes another one.
    if (answer.attempt == it.log.attempt() && answer.previous > it.log.match() &&
        answer.previous < it.log.next())
      it.log.resend_from(std::max(it.log.match() + 1, std::min(answer.match + 1, answer.previous)));
  } else if (answer.match > it.log.match() && answer.match <= log_.last()) {
    it.log.learn_match(answer.match);
    it.next_snapshot_at = now_;
    advance_commit();
  }
  confirm_reads();
  send_timeout_now_if_ready();
}

/// Entries of earlier terms are committed only by one of its own behind them (dissertation, 3.6.2).
void replica::advance_commit() {
  auto reached = agreed([&](spi::replica_id id) -> spi::log_index {
    if (id == self_)
      return durable_;
    auto peer = peers_.find(id);
    return peer == peers_.end() ? 0 : peer->second.log.match();
  });
  if (reached > commit_ && reached >= term_start_)
    set_commit(reached);
}

void replica::check_quorum() {
  next_quorum_check_ = now_ + config_.election_timeout;
  std::set<spi::replica_id> heard{self_};
  for (auto& [id, it] : peers_)
    if (std::exchange(it.recently_active, false))
      heard.insert(id);
  if (!quorum(heard))
    step_down("a majority of the replicas doesn't answer");
}

// -- the others -------------------------------------------------------------------------------

void replica::on_message(spi::replica_id from, std::uint64_t term, append_request& asked) {
  if (term < term_) // so that a leader of old learns of it
    return emit_send(from, encode(term_, append_response{}), after_vote());
  if (term == term_ && role_ == role::leader)
    return; // there is one leader a term: this is forged
  follow(term, from);
  on_leader_contact();
  round_to_acknowledge_ = asked.round;
  request_sent_at_ = asked.sent;
  if (asked.known > log_.last())
    return stop("the leader knows this replica to have held entry " + std::to_string(asked.known) +
                " and its log ends at " + std::to_string(log_.last()) +
                ": its disk was lost; remove it from the group and add one with empty disks under "
                "a new id");
  append_entries(asked);
}

void replica::append_entries(append_request& asked) {
  auto refuse = [&](spi::log_index hint) {
    append_response answer{false,
                           hint,
                           asked.previous,
                           asked.attempt,
                           verified_,
                           round_to_acknowledge_,
                           request_sent_at_,
                           promise_};
    emit_send(leader_, encode(term_, answer), after_vote());
  };
  if (asked.previous > log_.last())
    return refuse(log_.last());
  if (asked.previous >= log_.base() && log_.term_at(asked.previous) != asked.previous_term &&
      asked.previous != 0) {
    if (asked.previous <= commit_)
      return stop("a leader contradicts what was committed at index " +
                  std::to_string(asked.previous));
    // Past all entries of the term that doesn't fit, in one step.
    auto hint = asked.previous;
    auto wrong = log_.term_at(hint);
    while (hint > std::max(commit_, log_.base()) && log_.term_at(hint) == wrong)
      --hint;
    return refuse(hint);
  }
  auto at = asked.previous;
  for (auto& it : asked.entries) {
    ++at;
    if (at <= log_.base() || (log_.holds(at) && log_.term_at(at) == it.term))
      continue;
    if (at <= commit_)
      return stop("a leader contradicts what was committed at index " + std::to_string(at));
    if (log_.holds(at)) {
      erase_entries(at, log_.last());
      log_.truncate(at - 1);
      changes_.erase(changes_.lower_bound(at), changes_.end());
      // What is being written of the entries that are gone says nothing of those in their place.
      durable_ = std::min(durable_, at - 1);
      for (auto& [token, last] : persisting_)
        last = std::min(last, at - 1);
      unpersisted_ = std::min(unpersisted_, at - 1);
    }
    if (it.type == entry_type::members)
      changes_[at] = *decode_membership(it.body);
    log_.append(std::move(it));
    put_entry(at);
  }
  publish_members();
  verified_ = std::max(verified_, at);
  // A heartbeat is answered at once, so that a slow disk makes no election; entries once they are
  // durable.
  response_wanted_ = response_wanted_ || asked.entries.empty() || verified_ <= durable_;
  set_commit(std::min(asked.commit, verified_));
}

void replica::send_append_response() {
  if (!std::exchange(response_wanted_, false) || leader_ == 0 || role_ != role::follower)
    return;
  append_response answer{true,
                         std::min(verified_, durable_),
                         0,
                         0,
                         verified_,
                         round_to_acknowledge_,
                         request_sent_at_,
                         promise_};
  emit_send(leader_, encode(term_, answer), after_vote());
}

} // namespace atl::raft
