#include "replica.hpp"

#include <tuple>

namespace atl::raft {

// -- candidates -------------------------------------------------------------------------------

/// Asks for pre-votes, in no new term: a replica that was cut off, or whose log is behind, must not
/// depose a leader. That changes nothing, so it is repeated soon: other replicas may notice a
/// little later that the leader is gone, or be about to come back.
void replica::on_election_timeout() {
  auto& it = role_.emplace<pre_candidate>();
  leader_ = 0;
  election_timer_.begin_pre_vote(now_);
  it.votes = {self_};
  if (is_quorum(it.votes))
    return campaign(false);
  request_votes(true, false);
}

void replica::campaign(bool forced) {
  role_ = candidate{};
  leader_ = 0;
  ++term_;
  vote_ = self_;
  verified_ = commit_;
  outbox_.write_promise();
  restart_election_timer();
  request_votes(false, forced);
}

void replica::request_votes(bool pre_vote, bool forced) {
  vote_request request{log_.last(), log_.last_term(), pre_vote, forced};
  auto bytes = encode(pre_vote ? term_ + 1 : term_, request);
  for (auto id : members_.current().all_voters())
    if (id != self_)
      outbox_.send(id, bytes, outbox_.promise_token());
}

bool replica::is_quorum(const std::set<spi::replica_id>& voters) const {
  return agreed([&](spi::replica_id id) { return voters.contains(id) ? 1 : 0; }) == 1;
}

void replica::count_own_vote() {
  auto* it = std::get_if<candidate>(&role_);
  if (it && outbox_.is_promise_durable() && it->votes.insert(self_).second && is_quorum(it->votes))
    lead();
}

void replica::lead() {
  auto& it = role_.emplace<leader>();
  begin_leadership(it);
  for (auto id : members_.current().all())
    if (id != self_)
      it.peers[id].log = leader_based::inflight_window{log_.last() + 1};
  append({term_, entry_type::no_op, {}, 0});
  it.term_start = log_.last();
}

void replica::on_message(spi::replica_id from, std::uint64_t term, const vote_response& response) {
  if (!response.granted) {
    if (term > term_)
      follow(term, 0);
  } else if (auto* pre = std::get_if<pre_candidate>(&role_);
             pre && response.pre_vote && response.asked_term == term_ + 1) {
    pre->votes.insert(from);
    if (is_quorum(pre->votes))
      campaign(false);
  } else if (auto* it = std::get_if<candidate>(&role_);
             it && !response.pre_vote && response.asked_term == term_) {
    it->votes.insert(from);
    if (is_quorum(it->votes))
      lead();
  }
}

void replica::on_message(spi::replica_id from, std::uint64_t term, const timeout_now&) {
  if (term == term_ && from == leader_ && can_campaign() && !promise_.is_old_in_force(now_))
    campaign(true);
}

// -- voters -----------------------------------------------------------------------------------

void replica::on_message(spi::replica_id from, std::uint64_t term, const vote_request& request) {
  // A replica that hears its leader doesn't help to depose it (dissertation, 4.2.3).
  auto has_leader = leading() || now_ < promised_until() ||
                    (leader_ != 0 && election_timer_.is_leader_active(now_));
  auto candidate_log = std::tie(request.last_term, request.last);
  auto own_log = std::tuple{log_.last_term(), log_.last()};
  auto is_up_to_date = candidate_log >= own_log;
  if (request.pre_vote) {
    auto granted = term > term_ && is_up_to_date && !has_leader;
    if (granted)
      defer_to(from, candidate_log > own_log);
    return send_message(from, vote_response{true, granted, term});
  }
  if (promise_.is_old_in_force(now_) || (has_leader && !request.forced))
    return;
  if (term > term_)
    follow(term, 0);
  auto granted = term == term_ && is_up_to_date && (vote_ == 0 || vote_ == from) && !leading();
  if (granted && vote_ == 0) {
    vote_ = from;
    outbox_.write_promise();
  }
  if (granted)
    restart_election_timer();
  send_message(from, vote_response{false, granted, term});
}

// -- terms ------------------------------------------------------------------------------------

/// Joins a term, and its leader when it is known.
void replica::follow(std::uint64_t term, spi::replica_id leader) {
  if (leading())
    step_down("another leader was elected");
  if (term > term_) {
    term_ = term;
    vote_ = 0;
    verified_ = commit_;
    outbox_.write_promise();
  }
  become_follower();
  set_leader(leader);
}

void replica::become_follower() {
  if (!std::holds_alternative<follower>(role_))
    role_ = follower{};
}

void replica::step_down(const std::string& why) {
  auto ended = std::exchange(role_, follower{});
  auto* it = std::get_if<leader>(&ended);
  resign(log_, it, it ? it->change : 0, why);
}

} // namespace atl::raft
