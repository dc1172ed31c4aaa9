#include "replica.hpp"

#include <algorithm>
#include <bit>
#include <utility>

/// Phase 2: the values from the leader to the others.
namespace atl::paxos {

namespace {

/// Extends the last range if the index follows it.
void add_to(std::vector<std::pair<spi::log_index, spi::log_index>>& ranges, spi::log_index index) {
  if (!ranges.empty() && ranges.back().second + 1 == index)
    ranges.back().second = index;
  else
    ranges.emplace_back(index, index);
}

} // namespace

void learn_incarnation(progress& peer, acceptor& of, std::uint64_t incarnation,
                       spi::log_index certain) {
  if (std::exchange(of.incarnation, incarnation) != incarnation && peer.log.is_started() &&
      certain < peer.log.match())
    peer.log.rewind_to(certain);
}

void learn_match(progress& peer, spi::log_index index) {
  if (!peer.log.is_started())
    peer.log = leader_based::inflight_window{index + 1};
  if (index > peer.log.match())
    peer.next_snapshot_at = spi::timestamp{0};
  peer.log.learn_match(index);
}

// -- the leader -------------------------------------------------------------------------------

void replica::propose_value(leader& it, value what, spi::request_id id) {
  auto is_change = what.type == value_type::members;
  put_slot(++it.proposed, {promised_, std::move(what), id, 0, 0});
  if (!is_change)
    return;
  it.change_proposed = it.proposed;
  update_peers(it);
}

void replica::send_entries(spi::replica_id to, const progress& peer, const batch& entries) {
  accept_request head{peer.log.next(),  commit_,         std::get<leader>(role_).heartbeat_round,
                      peer.log.match(), config_.quorums, {}};
  outbox_.send(to, encode_accept(promised_, head, log_, entries.count), outbox_.promise_token());
}

void replica::send_heartbeats() {
  if (phase1())
    request_promises();
  leader_based_replica::send_heartbeats();
}

void replica::on_message(spi::replica_id from, ballot which, const accept_response& response) {
  auto* it = std::get_if<leader>(&role_);
  auto* peer = it ? it->find(from) : nullptr;
  if (which != promised_ || !peer || response.incarnation < it->acceptors[from].incarnation)
    return;
  auto& acceptor = it->acceptors[from];
  peer->active_in = it->quorum_check;
  for (auto [first, last] : response.ranges)
    count_accepts(*it, acceptor.bit, first, last);
  // Some responses for this range may be lost.
  count_accepts(*it, acceptor.bit, peer->log.match() + 1, response.match);
  if (response.incarnation == acceptor.incarnation)
    learn_match(*peer, std::min(response.match, it->proposed));
  commit_chosen(); // may end this leadership
  send_timeout_now_if_ready();
}

void replica::on_message(spi::replica_id from, ballot which, const heartbeat_response& response) {
  auto* it = std::get_if<leader>(&role_);
  auto* peer = it ? it->find(from) : nullptr;
  if (which != promised_ || !peer || response.incarnation < it->acceptors[from].incarnation)
    return;
  auto& acceptor = it->acceptors[from];
  peer->active_in = it->quorum_check;
  learn_incarnation(*peer, acceptor, response.incarnation, response.match);
  learn_match(*peer, std::min(response.committed, commit_));
  count_accepts(*it, acceptor.bit, peer->log.match() + 1, response.match);
  learn_match(*peer, std::min(response.match, it->proposed));
  note_heartbeat_response(*peer, response.round, response.acknowledged);
  commit_chosen(); // may end this leadership
  confirm_reads();
  send_timeout_now_if_ready();
}

void replica::count_accepts(leader& it, std::uint64_t bit, spi::log_index first,
                            spi::log_index last) {
  for (auto index = std::max(first, commit_ + 1); index <= std::min(last, it.proposed); ++index)
    log_.at(index).accepted_by |= bit;
}

/// The leader's own disk is one of the acceptors.
void replica::count_own_accepts(leader& it) {
  it.own_durable = std::max(it.own_durable, commit_); // committed entries need no more votes
  while (it.own_durable < it.proposed && outbox_.is_durable(log_.at(it.own_durable + 1).token))
    ++it.own_durable;
}

bool replica::is_chosen(const leader& it, spi::log_index index) const {
  if (index <= it.known_committed) // the value that was carried over is the committed one
    return true;
  auto& slot = log_.at(index);
  auto count = static_cast<std::size_t>(std::popcount(slot.accepted_by & it.voters_mask));
  if (index <= it.own_durable && members_.current().votes(self_))
    ++count;
  if (count < accept_quorum())
    return false;
  return slot.value.type != value_type::members ||
         can_take_over(it, *members_codec.decode(slot.value.body), index);
}

void replica::commit_chosen() {
  for (auto* it = std::get_if<leader>(&role_);
       it && !it->phase1 && commit_ < it->proposed && is_chosen(*it, commit_ + 1);) {
    commit_next();
    if (commit_ == it->leaving_at) {
      send_heartbeats(); // the others learn that the change is committed
      deliver();
      return step_down("this replica is no longer of the group");
    }
    if (!it->group_changed || commit_ < it->known_committed)
      continue;
    // The group is another one now, and its promises are wanted too. Even if the group is the same
    // as before, what follows the change hasn't been carried over.
    it->group_changed = false;
    it->phase1 = begin_preparation();
    request_promises();
  }
  deliver();
}

bool replica::can_serve_reads() const {
  auto& it = std::get<leader>(role_);
  return !it.phase1 && commit_ >= it.carried_over;
}

bool replica::can_transfer_to(spi::replica_id to) const {
  return members_.current().votes(to) && !obstacle_to_propose_now();
}

bool replica::is_caught_up(const progress& peer) const {
  return peer.log.match() == last_proposed() && commit_ == last_proposed();
}

// -- the followers ----------------------------------------------------------------------------

void replica::on_message(spi::replica_id from, ballot which, accept_request& request) {
  if (request.quorums != config_.quorums || owner_of(which) != from)
    return;
  if (which < promised_) // tells a leader of an earlier ballot that there is a greater one
    return send_message(from, rejected{});
  follow(which, from);
  on_leader_contact();
  if (damaged_.empty())
    check_disk(request.known, std::max(commit_, log_.last()));
  if (stopped_)
    return;
  auto& it = std::get<follower>(role_);
  if (request.round > it.answered_round)
    it.heartbeat_round = std::max(it.heartbeat_round.value_or(0), request.round);
  accept_values(it, request, which);
  if (stopped_)
    return;
  while (verified_ < log_.last() && log_.at(verified_ + 1).accepted == which)
    ++verified_;
  while (commit_ < std::min(request.committed, verified_))
    commit_next();
  deliver();
}

void replica::accept_values(follower& it, accept_request& request, ballot which) {
  auto index = request.first;
  for (auto& value : request.values) {
    if (index > commit_ + 2 * ahead_max)
      return; // it will be sent again
    if (index > log_.base() && index <= commit_ && log_.at(index).value != value)
      return stop("a leader contradicts what was committed at index " + std::to_string(index));
    if (index > commit_ && (!log_.holds(index) || log_.at(index).accepted != which))
      put_slot(index, {which, std::move(value), 0, 0, 0});
    add_to(it.ranges, index++);
  }
}

spi::log_index replica::durably_verified() {
  durably_verified_ = std::max(durably_verified_, delivered_);
  while (durably_verified_ < verified_ && outbox_.is_durable(log_.at(durably_verified_ + 1).token))
    ++durably_verified_;
  return durably_verified_;
}

/// A heartbeat is answered at once, so that a slow disk causes no election; what was accepted is
/// acknowledged when it is durable.
void replica::respond_to_leader() {
  auto* it = std::get_if<follower>(&role_);
  if (!it || leader_ == 0)
    return;
  if (auto round = std::exchange(it->heartbeat_round, std::nullopt)) {
    it->answered_round = *round;
    outbox_.send(leader_,
                 encode(promised_, heartbeat_response{*round, delivered_, durably_verified(),
                                                      verified_, incarnation_}));
  }
  if (it->ranges.empty())
    return;
  accept_response response{std::exchange(it->ranges, {}), verified_, incarnation_};
  outbox_.send(leader_, encode(promised_, response),
               std::max(outbox_.promise_token(), accepted_token_));
}

} // namespace atl::paxos
