#include "replica.hpp"

namespace atl::raft {

/// Nobody stands before what it promised is over.
void replica::on_leader_unreachable() {
  election_timer_.on_leader_unreachable(now_);
  election_timer_.not_before(promised_until());
}

void replica::on_leader_contact() {
  election_timer_.on_leader_contact(now_);
  election_timer_.not_before(promised_until());
}

/// Two who stand at once split the votes. So whoever helps another one lets it go first. Of two
/// that ask each other, the one with less in its log does, or with the greater id.
void replica::defer_to(spi::replica_id other, bool knows_more) {
  auto goes_first =
      role_ == role::candidate || (role_ == role::pre_candidate && !knows_more && self_ < other);
  if (!goes_first && election_timer_.defer_to_candidate(now_))
    role_ = role::follower;
}

void replica::tick_election() {
  if (role_ == role::leader || now_ < election_timer_.deadline() || !can_campaign())
    return;
  pre_vote();
}

/// Asks whether it would be elected, without a new term: a replica that was cut off, or whose log
/// is behind, disturbs nobody. That costs nothing, so it needn't wait for long to ask again: others
/// may have heard the leader a little later, or be on their way back.
void replica::pre_vote() {
  role_ = role::pre_candidate;
  leader_ = 0;
  election_timer_.begin_pre_vote(now_);
  votes_ = {self_};
  if (quorum(votes_))
    return campaign(false);
  ask_for_votes(true, false);
}

void replica::campaign(bool forced) {
  role_ = role::candidate;
  leader_ = 0;
  ++term_;
  vote_ = self_;
  verified_ = commit_;
  persist_vote();
  votes_.clear(); // its own counts once it is durable
  election_timer_.restart(now_);
  ask_for_votes(false, forced);
}

void replica::ask_for_votes(bool is_pre_vote, bool forced) {
  vote_request asked{log_.last(), log_.last_term(), is_pre_vote, forced};
  auto bytes = encode(is_pre_vote ? term_ + 1 : term_, asked);
  for (auto id : members().all())
    if (id != self_ && members().votes(id))
      emit_send(id, bytes, after_vote());
}

void replica::count_own_vote() {
  if (vote_changed_ || vote_token_ > durable_token_ || vote_ != self_ || votes_.contains(self_))
    return;
  votes_.insert(self_);
  if (quorum(votes_))
    lead();
}

void replica::lead() {
  role_ = role::leader;
  leader_ = self_;
  peers_.clear();
  for (auto id : members().all())
    if (id != self_)
      peers_[id].log = leader_based::inflight_window{log_.last() + 1};
  transferee_ = 0;
  lease_abandoned_ = false;
  heartbeat_round_ = 0;
  next_heartbeat_ = now_;
  next_quorum_check_ = now_ + config_.election_timeout;
  for (auto id : follower_reads_.take_all()) // which the leader before didn't answer
    leader_reads_.add({id, self_, {}, now_ + config_.read_timeout});
  append_own({term_, entry_type::no_op, {}, 0});
  term_start_ = log_.last();
}

/// Takes notice of a term, and of its leader when there is one.
void replica::follow(std::uint64_t term, spi::replica_id leader) {
  if (role_ == role::leader)
    step_down("another leader was elected");
  if (term > term_) {
    term_ = term;
    vote_ = 0;
    verified_ = commit_;
    persist_vote();
  }
  role_ = role::follower;
  if (leader_ != leader) {
    election_timer_.on_leader_changed();
    if (leader != 0)
      for (auto id : follower_reads_.take_all()) // which the leader before didn't answer
        follower_reads_.add(id);
  }
  leader_ = leader;
}

void replica::step_down(const std::string& why) {
  role_ = role::follower;
  leader_ = 0;
  transferee_ = 0;
  peers_.clear();
  // Whatever it proposed may yet be committed by the next leader.
  for (auto at = std::max(commit_, log_.base()) + 1; at <= log_.last(); ++at)
    if (auto id = std::exchange(log_.at(at).id, 0))
      effects_.push_back(spi::refuse{id, spi::refusal::unknown, 0, why});
  if (change_)
    effects_.push_back(spi::refuse{change_->first, spi::refusal::unknown, 0, why});
  change_.reset();
  refuse_reads(why);
  election_timer_.restart(now_);
}

std::string replica::refusal_to_propose() const {
  if (role_ != role::leader)
    return leader_ == 0 ? "no leader is elected; try again"
                        : "replica " + std::to_string(leader_) + " leads";
  if (transferee_ != 0)
    return "replica " + std::to_string(transferee_) + " is taking over; try again";
  return {};
}

void replica::on_message(spi::replica_id from, std::uint64_t term, const vote_request& asked) {
  // Who hears its leader doesn't help to depose it (dissertation, 4.2.3).
  auto content = role_ == role::leader || has_promised() ||
                 (leader_ != 0 && election_timer_.is_leader_active(now_));
  auto whole = asked.last_term > log_.last_term() ||
               (asked.last_term == log_.last_term() && asked.last >= log_.last());
  if (asked.pre_vote) {
    auto granted = term > term_ && whole && !content;
    if (granted)
      defer_to(from,
               std::tie(asked.last_term, asked.last) > std::tuple{log_.last_term(), log_.last()});
    return emit_send(from, encode(term_, vote_response{true, granted, term}), after_vote());
  }
  if (is_old_promise_in_force() || (content && !asked.forced))
    return;
  if (term > term_)
    follow(term, 0);
  auto granted = term == term_ && whole && (vote_ == 0 || vote_ == from) && role_ != role::leader;
  if (granted && vote_ == 0) {
    vote_ = from;
    persist_vote();
  }
  if (granted)
    election_timer_.restart(now_);
  emit_send(from, encode(term_, vote_response{false, granted, term}), after_vote());
}

void replica::on_message(spi::replica_id from, std::uint64_t term, const vote_response& answer) {
  if (term > term_ && !answer.granted)
    return follow(term, 0);
  if (!answer.granted)
    return;
  if (answer.pre_vote && role_ == role::pre_candidate && answer.asked_term == term_ + 1) {
    votes_.insert(from);
    if (quorum(votes_))
      campaign(false);
  } else if (!answer.pre_vote && role_ == role::candidate && answer.asked_term == term_) {
    votes_.insert(from);
    if (quorum(votes_))
      lead();
  }
}

void replica::on_message(spi::replica_id from, std::uint64_t term, const timeout_now&) {
  if (term == term_ && from == leader_ && can_campaign() && !is_old_promise_in_force())
    campaign(true);
}

void replica::transfer(spi::replica_id to) {
  if (stopped_ || role_ != role::leader || to == self_ || !members().votes(to) ||
      !peers_.contains(to) || members().joint())
    return;
  transferee_ = to;
  timeout_now_sent_ = false;
  transfer_deadline_ = now_ + config_.election_timeout;
  send_timeout_now_if_ready();
}

} // namespace atl::raft
