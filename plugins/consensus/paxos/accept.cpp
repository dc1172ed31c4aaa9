#include "replica.hpp"

#include <algorithm>
#include <bit>
#include <utility>

/// Phase 2: the values from the leader to the others.
namespace atl::paxos {

namespace {

/// A pair of ranges that touch is one range.
void add_range(std::vector<std::pair<spi::log_index, spi::log_index>>& ranges, spi::log_index at) {
  if (!ranges.empty() && ranges.back().second + 1 == at)
    ranges.back().second = at;
  else
    ranges.emplace_back(at, at);
}

} // namespace

void progress::learn_incarnation(std::uint64_t now, spi::log_index held) {
  if (now == incarnation)
    return;
  incarnation = now;
  if (known && held < log.match())
    log.rewind_to(held);
}

void progress::learn_match(spi::log_index index) {
  if (!std::exchange(known, true))
    log = leader_based::inflight_window{index + 1};
  if (index > log.match())
    next_snapshot_at = spi::timestamp{0};
  log.learn_match(index);
}

// -- the leader -------------------------------------------------------------------------------

void replica::propose_value(value what, spi::request_id id) {
  auto is_change = what.type == value_type::members;
  put_slot(++proposed_, {promised_, std::move(what), id, 0, 0});
  if (!is_change)
    return;
  change_proposed_ = proposed_;
  update_peers();
}

void replica::send_heartbeats() {
  next_heartbeat_ = now_ + config_.heartbeat;
  timeout_now_sent_ = false;
  send_timeout_now_if_ready();
  if (preparation_)
    ask_for_promises();
  for (auto& [id, it] : peers_) {
    if (it.known && it.log.has_lost(it.round))
      it.log.resend_from(it.log.acknowledged() + 1);
    if (it.known && it.log.match() < log_.base())
      catch_up_by_snapshot(id, it);
  }
  begin_heartbeat_round();
}

void replica::begin_heartbeat_round() {
  ++heartbeat_round_;
  for (auto& [id, it] : peers_)
    emit_send(id, encode_accept(promised_, head_for(it), log_, 0), after_promise());
}

void replica::replicate() {
  if (std::exchange(heartbeat_wanted_, false))
    send_heartbeats();
  for (auto& [id, it] : peers_)
    replicate_to(id, it);
}

void replica::replicate_to(spi::replica_id to, progress& it) {
  while (it.known && it.log.next() <= proposed_ && it.log.next() > log_.base() &&
         it.log.has_capacity(config_.window_bytes)) {
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (it.log.next() + count <= proposed_ && (count == 0 || bytes < config_.batch_bytes))
      bytes += log_.at(it.log.next() + count++).bytes();
    emit_send(to, encode_accept(promised_, head_for(it), log_, count), after_promise());
    it.log.sent(count, bytes, heartbeat_round_);
  }
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

accept_request replica::head_for(const progress& it) const {
  return {it.log.next(), committed_, heartbeat_round_, it.log.match(), config_.quorums, {}};
}

/// Its own disk is one of the acceptors'.
void replica::count_own_accepts() {
  own_durable_ = std::max(own_durable_, committed_); // what is committed needs no more votes
  while (own_durable_ < proposed_ && log_.at(own_durable_ + 1).token <= durable_token_)
    ++own_durable_;
}

bool replica::chosen(spi::log_index at) const {
  if (at <= known_committed_) // and what it carried over is what was
    return true;
  auto count = static_cast<std::size_t>(std::popcount(log_.at(at).accepted_by & voters_mask_));
  if (at <= own_durable_ && members().votes(self_))
    ++count;
  if (count < accept_quorum())
    return false;
  auto& it = log_.at(at).value;
  return it.type != value_type::members || can_take_over(*decode_membership(it.body), at);
}

void replica::commit_chosen() {
  while (role_ == role::leader && !preparation_ && committed_ < proposed_ &&
         chosen(committed_ + 1)) {
    commit_next();
    if (committed_ == leaving_at_) {
      send_heartbeats(); // the others learn that it is committed
      deliver();
      return step_down("this replica is no longer of the group");
    }
    if (!group_changed_ || committed_ < known_committed_)
      continue;
    // The group is another one now, whose promises are wanted too. If it is the same as before, so
    // is what stands behind the change: it hasn't been carried over.
    begin_preparation();
    ask_for_promises();
  }
  deliver();
}

void replica::check_quorum() {
  next_quorum_check_ = now_ + config_.election_timeout;
  auto heard = static_cast<std::size_t>(members().votes(self_));
  for (auto& [id, it] : peers_)
    heard += std::exchange(it.recently_active, false) && members().votes(id);
  if (heard < accept_quorum())
    step_down("a quorum of the replicas doesn't answer");
}

void replica::send_timeout_now_if_ready() {
  auto peer = peers_.find(transferee_);
  if (peer == peers_.end() || peer->second.log.match() != proposed_ || committed_ != proposed_ ||
      timeout_now_sent_)
    return;
  timeout_now_sent_ = true;
  emit_send(transferee_, encode(promised_, timeout_now{}));
}

void replica::on_message(spi::replica_id from, ballot which, const accept_response& answer) {
  auto peer = peers_.find(from);
  if (which != promised_ || role_ != role::leader || peer == peers_.end() ||
      answer.incarnation < peer->second.incarnation)
    return;
  auto& it = peer->second;
  it.recently_active = true;
  for (auto [first, last] : answer.ranges)
    count_accepts(it, first, last);
  count_accepts(it, it.log.match() + 1, answer.match); // of which some answers may have got lost
  if (answer.incarnation == it.incarnation)
    it.learn_match(std::min(answer.match, proposed_));
  commit_chosen();
  send_timeout_now_if_ready();
}

void replica::count_accepts(const progress& by, spi::log_index first, spi::log_index last) {
  for (auto at = std::max(first, committed_ + 1); at <= std::min(last, proposed_); ++at)
    log_.at(at).accepted_by |= by.bit;
}

void replica::on_message(spi::replica_id from, ballot which, const heartbeat_response& answer) {
  auto peer = peers_.find(from);
  if (which != promised_ || role_ != role::leader || peer == peers_.end() ||
      answer.incarnation < peer->second.incarnation)
    return;
  auto& it = peer->second;
  it.recently_active = true;
  it.learn_incarnation(answer.incarnation, answer.match);
  it.learn_match(std::min(answer.committed, committed_));
  count_accepts(it, it.log.match() + 1, answer.match);
  it.learn_match(std::min(answer.match, proposed_));
  if (auto round = std::min(answer.round, heartbeat_round_); round >= it.round) {
    it.round = round;
    it.log.learn_acknowledged(std::min(answer.acknowledged, proposed_));
  }
  commit_chosen();
  confirm_reads();
  send_timeout_now_if_ready();
}

// -- the others -------------------------------------------------------------------------------

void replica::on_message(spi::replica_id from, ballot which, accept_request& asked) {
  if (asked.quorums != config_.quorums || owner_of(which) != from) {
    ++dropped_;
    return;
  }
  if (which < promised_) // so that a leader of old learns of it
    return emit_send(from, encode(promised_, rejected{}), after_promise());
  follow(which, from);
  election_timer_.on_leader_contact(now_, timeout_factor());
  if (asked.known > std::max(committed_, log_.last()) && damaged_.empty())
    return stop("the leader knows this replica to have held entry " + std::to_string(asked.known) +
                " and its log ends at " + std::to_string(log_.last()) +
                ": its disk was lost; remove it from the group and add one with empty disks under "
                "a new id");
  if (asked.round > acknowledged_round_)
    round_to_acknowledge_ = std::max(round_to_acknowledge_.value_or(0), asked.round);
  accept_values(asked, which);
  if (stopped_)
    return;
  while (verified_ < log_.last() && log_.at(verified_ + 1).accepted == which)
    ++verified_;
  auto committed = std::min(asked.committed, verified_);
  while (committed_ < committed)
    commit_next();
  deliver();
}

void replica::accept_values(accept_request& asked, ballot which) {
  auto at = asked.first;
  for (auto& it : asked.values) {
    if (at > committed_ + 2 * ahead_max)
      return; // it will be sent again
    if (at > log_.base() && at <= committed_ && log_.at(at).value != it)
      return stop("a leader contradicts what was committed at index " + std::to_string(at));
    if (at > committed_ && (!log_.holds(at) || log_.at(at).accepted != which))
      put_slot(at, {which, std::move(it), 0, 0, 0});
    add_range(ranges_to_acknowledge_, at++);
  }
}

spi::log_index replica::durably_verified() {
  durably_verified_ = std::max(durably_verified_, delivered_);
  while (durably_verified_ < verified_ && log_.at(durably_verified_ + 1).token <= durable_token_)
    ++durably_verified_;
  return durably_verified_;
}

/// A heartbeat is answered at once, so that a slow disk makes no election; what was accepted when
/// it is durable.
void replica::respond_to_leader() {
  if (leader_ == 0 || role_ != role::follower)
    return;
  if (round_to_acknowledge_) {
    acknowledged_round_ = *round_to_acknowledge_;
    round_to_acknowledge_.reset();
    heartbeat_response answer{acknowledged_round_, delivered_, durably_verified(), verified_,
                              incarnation_};
    emit_send(leader_, encode(promised_, answer));
  }
  if (ranges_to_acknowledge_.empty())
    return;
  accept_response answer{std::exchange(ranges_to_acknowledge_, {}), verified_, incarnation_};
  emit_send(leader_, encode(promised_, answer), after_accepted());
}

} // namespace atl::paxos
