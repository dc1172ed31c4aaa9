#include "replica.hpp"

#include <algorithm>
#include <utility>

namespace atl::raft {

// -- the leader -------------------------------------------------------------------------------

/// A heartbeat comes after entries that the peer surely has, so that the peer never refuses it.
void replica::send_entries(spi::replica_id to, const progress& peer, const batch& entries) {
  auto previous = entries.count == 0 ? peer.log.match() : entries.first - 1;
  append_request head{
      previous,           0,    commit_, std::get<leader>(role_).heartbeat_round, peer.log.match(),
      peer.log.attempt(), now_, {}};
  if (previous < log_.base()) // the log doesn't have that entry's term any more
    head.previous = 0;
  else
    head.previous_term = log_.term_at(previous);
  outbox_.send(to, encode_append(term_, head, log_, previous + 1, entries.count),
               outbox_.promise_token());
}

void replica::on_message(spi::replica_id from, std::uint64_t term,
                         const append_response& response) {
  if (term > term_)
    return follow(term, 0);
  auto* it = std::get_if<leader>(&role_);
  auto* peer = it ? it->find(from) : nullptr;
  if (term != term_ || !peer)
    return;
  peer->active_in = it->quorum_check;
  note_promise(*it, from, response);
  note_heartbeat_response(*peer, response.round, response.acknowledged);
  if (!response.fits) {
    // Only the first refusal of an attempt triggers another attempt.
    if (response.attempt == peer->log.attempt() && response.previous > peer->log.match() &&
        response.previous < peer->log.next())
      peer->log.resend_from(
          std::max(peer->log.match() + 1, std::min(response.match + 1, response.previous)));
  } else if (response.match > peer->log.match() && response.match <= log_.last()) {
    peer->log.learn_match(response.match);
    peer->next_snapshot_at = now_;
    advance_commit(); // may end this leadership
  }
  confirm_reads();
  send_timeout_now_if_ready();
}

bool replica::can_transfer_to(spi::replica_id to) const {
  return members_.current().votes(to) && !members_.current().is_joint();
}

/// A new leader knows what is committed once it has committed an entry of its own.
bool replica::can_serve_reads() const {
  return commit_ >= std::get<leader>(role_).term_start;
}

// -- the followers ----------------------------------------------------------------------------

void replica::on_message(spi::replica_id from, std::uint64_t term, append_request& request) {
  if (term < term_) // tells a leader of an earlier term that there is a new one
    return send_message(from, append_response{});
  if (term == term_ && leading())
    return; // a term has one leader, so this message is forged
  follow(term, from);
  on_leader_contact();
  auto& it = std::get<follower>(role_);
  it.heartbeat_round = request.round;
  it.request_sent = request.sent;
  check_disk(request.known, log_.last());
  if (stopped_)
    return;
  auto hint = find_conflict(request);
  if (stopped_)
    return;
  if (hint)
    return send_message(from,
                        append_response{false, *hint, request.previous, request.attempt, verified_,
                                        it.heartbeat_round, it.request_sent, promise_.length()});
  append_entries(request);
}

/// @returns where the leader should look for the last common entry; none: the request fits.
std::optional<spi::log_index> replica::find_conflict(const append_request& request) {
  auto hint = request.previous;
  if (hint > log_.last())
    return log_.last();
  if (hint == 0 || hint < log_.base() || log_.term_at(hint) == request.previous_term)
    return std::nullopt;
  if (hint <= commit_)
    stop("a leader contradicts what was committed at index " + std::to_string(hint));
  // All entries of the conflicting term are skipped in one step.
  auto wrong = log_.term_at(hint);
  while (hint > std::max(commit_, log_.base()) && log_.term_at(hint) == wrong)
    --hint;
  return hint;
}

void replica::append_entries(append_request& request) {
  auto index = request.previous;
  for (auto& entry : request.entries) {
    ++index;
    if (index <= log_.base() || (log_.holds(index) && log_.term_at(index) == entry.term))
      continue;
    if (index <= commit_)
      return stop("a leader contradicts what was committed at index " + std::to_string(index));
    if (log_.holds(index)) {
      outbox_.erase(index, log_.last());
      log_.truncate(index - 1);
      members_.truncate(index - 1);
      durable_ = std::min(durable_, index - 1);
    }
    append(std::move(entry));
  }
  publish_members();
  verified_ = std::max(verified_, index);
  // A heartbeat is answered at once, so that a slow disk causes no election; entries are answered
  // when they are durable.
  if (request.entries.empty() || verified_ <= durable_)
    std::get<follower>(role_).response_wanted = true;
  set_commit(std::min(request.commit, verified_));
}

void replica::respond_to_leader() {
  auto* it = std::get_if<follower>(&role_);
  if (!it || !std::exchange(it->response_wanted, false) || leader_ == 0)
    return;
  send_message(leader_, append_response{true, std::min(verified_, durable_), 0, 0, verified_,
                                        it->heartbeat_round, it->request_sent, promise_.length()});
}

} // namespace atl::raft
