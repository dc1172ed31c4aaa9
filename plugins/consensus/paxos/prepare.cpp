#include "replica.hpp"

#include <algorithm>

/// Phase 1: who leads, and what it must carry over from earlier ballots.
namespace atl::paxos {

/// Who may stand without a vote lets those that have one go first.
int replica::timeout_factor() const {
  return members().votes(self_) ? 1 : 4;
}

void replica::restart_election_timer() {
  election_timer_.restart(now_, timeout_factor());
}

/// Two who stand at once reject each other. So whoever helps another one lets it go first. Of two
/// that ask each other, the one that has committed less does, or with the greater id.
void replica::defer_to(spi::replica_id other, bool knows_more) {
  auto goes_first =
      role_ == role::candidate || (role_ == role::pre_candidate && !knows_more && self_ < other);
  if (!goes_first && election_timer_.defer_to_candidate(now_, timeout_factor()))
    role_ = role::follower;
}

void replica::tick_election() {
  if (role_ == role::leader || now_ < election_timer_.deadline() || !can_campaign())
    return;
  if (damaged_.empty())
    return pre_vote();
  restart_election_timer(); // it can't say what it accepted, so it can't lead
}

/// Asks who would promise, without a new ballot: who is cut off, or far behind, disturbs nobody,
/// and two who stand at once see each other before they reject each other. That costs nothing, so
/// it needn't wait for long to ask again: others may have heard the leader a little later, or be on
/// their way back.
void replica::pre_vote() {
  role_ = role::pre_candidate;
  leader_ = 0;
  election_timer_.begin_pre_vote(now_, timeout_factor());
  preparation_.reset();
  pre_votes_.clear();
  if (members().votes(self_))
    pre_votes_.insert(self_);
  if (pre_votes_.size() >= prepare_quorum())
    return prepare(false);
  prepare_request asked{committed_ + 1, config_.quorums, true, false};
  auto bytes = encode(make_ballot(round_of(greatest_seen_) + 1, self_), asked);
  for (auto id : members().voters)
    if (id != self_)
      emit_send(id, bytes);
}

void replica::prepare(bool forced) {
  role_ = role::candidate;
  leader_ = 0;
  promised_ = make_ballot(round_of(std::max(promised_, greatest_seen_)) + 1, self_);
  greatest_seen_ = promised_;
  verified_ = committed_;
  durably_verified_ = 0;
  known_committed_ = 0;
  ranges_to_acknowledge_.clear();
  persist_promise();
  restart_election_timer();
  begin_preparation();
  forced_ = forced;
  ask_for_promises();
}

void replica::begin_preparation() {
  preparation_ = preparation{};
  group_changed_ = false;
  preparation_->first = committed_ + 1;
  for (auto id : members().voters)
    if (id != self_)
      preparation_->next[id] = preparation_->first;
}

void replica::ask_for_promises() {
  if (role_ != role::leader)
    next_heartbeat_ = now_ + config_.heartbeat;
  for (auto& [id, first] : preparation_->next)
    if (!preparation_->promised.contains(id))
      ask_for_promise(id, first);
}

void replica::ask_for_promise(spi::replica_id of, spi::log_index first) {
  prepare_request asked{first, config_.quorums, false, forced_};
  emit_send(of, encode(promised_, asked), after_promise());
}

void replica::on_message(spi::replica_id from, ballot which, const prepare_request& asked) {
  if (asked.quorums != config_.quorums || owner_of(which) != from) {
    ++dropped_;
    return;
  }
  // Who hears its leader doesn't help to depose it.
  auto content = role_ == role::leader ||
                 (leader_ != 0 && leader_ != from && election_timer_.is_leader_active(now_));
  if (asked.pre_vote) {
    auto behind = asked.first <= log_.base() || asked.first + config_.max_in_flight <= committed_;
    promise answer;
    answer.asked = which;
    answer.pre_vote = true;
    answer.committed = committed_;
    answer.ok = damaged_.empty() && !content && !behind;
    if (answer.ok)
      defer_to(from, asked.first > committed_ + 1);
    return emit_send(from, encode(promised_, answer), after_promise());
  }
  if (which < promised_)
    return emit_send(from, encode(promised_, rejected{}), after_promise());
  if (!damaged_.empty() || (which > promised_ && content && !asked.forced))
    return;
  if (which > promised_)
    follow(which, 0);
  restart_election_timer();
  emit_send(from, encode(promised_, page_from(asked.first)), after_promise());
}

promise replica::page_from(spi::log_index first) const {
  promise page;
  page.asked = promised_;
  page.ok = first > log_.base();
  page.first = first;
  page.committed = delivered_;
  page.incarnation = incarnation_;
  page.covered = first - 1;
  if (!page.ok)
    return page;
  std::size_t bytes = 0;
  while (page.covered < log_.last() && bytes < config_.batch_bytes) {
    auto at = ++page.covered;
    if (!log_.holds(at))
      continue;
    auto& it = log_.at(at);
    page.accepted.emplace_back(at, slot{it.accepted, it.value, 0, 0, 0});
    bytes += it.bytes();
  }
  page.complete = page.covered >= log_.last();
  return page;
}

void replica::on_message(spi::replica_id from, ballot which, promise& answer) {
  if (answer.pre_vote) {
    if (role_ != role::pre_candidate || !members().votes(from))
      return;
    if (!members().votes(self_) && !changes_.empty() &&
        answer.committed >= changes_.rbegin()->first)
      is_successor_group_active_ = true; // somebody of the group knows that it is the group
    if (!answer.ok || !can_campaign())
      return; // also when the change was cut from the log meanwhile
    pre_votes_.insert(from);
    if (pre_votes_.size() >= prepare_quorum())
      prepare(false);
    return;
  }
  if (!preparation_ || answer.asked != promised_ || which != promised_)
    return;
  auto next = preparation_->next.find(from);
  if (next == preparation_->next.end() || answer.first != next->second)
    return;         // of a page that came already
  if (!answer.ok) { // it has cut what this one lacks; perhaps others have not
    preparation_->next.erase(next);
    auto left = preparation_->next.size() + members().votes(self_);
    if (role_ == role::leader || left < prepare_quorum())
      step_down("this replica lacks what the others have cut from their logs");
    return;
  }
  merge_page(answer);
  if (answer.complete) {
    preparation_->promised[from] = {answer.committed, answer.incarnation};
    known_committed_ = std::max(known_committed_, answer.committed);
    return finish_preparation();
  }
  if (answer.covered < answer.first)
    return; // garbage: a page holds something, or is the last
  next->second = answer.covered + 1;
  if (role_ == role::candidate)
    restart_election_timer(); // it gets on, however slow the others and the network are
  ask_for_promise(from, next->second);
}

void replica::merge_page(promise& page) {
  for (auto& [index, it] : page.accepted) {
    if (index <= committed_ || index > committed_ + 2 * ahead_max)
      continue;
    auto& best = preparation_->accepted[index];
    if (it.accepted > best.accepted)
      best = std::move(it);
  }
}

/// With enough promises, what earlier ballots may have committed is proposed again: at each index
/// the value that was accepted in the greatest ballot, or nothing where none was.
void replica::finish_preparation() {
  if (promise_changed_ || promise_token_ > durable_token_)
    return; // its own promise counts once it is durable
  auto promised = static_cast<std::size_t>(members().votes(self_));
  for (auto& [id, held] : preparation_->promised)
    promised += members().votes(id);
  if (promised < prepare_quorum())
    return;
  auto taken = std::move(*preparation_);
  preparation_.reset();
  if (role_ != role::leader)
    lead();
  for (auto& [id, held] : taken.promised)
    if (auto peer = peers_.find(id);
        peer != peers_.end() && held.incarnation >= peer->second.incarnation) {
      peer->second.learn_incarnation(held.incarnation, held.committed);
      peer->second.learn_match(std::min(held.committed, committed_));
    }
  auto last = std::max(log_.last(), committed_);
  if (!taken.accepted.empty())
    last = std::max(last, taken.accepted.rbegin()->first);
  proposed_ = own_durable_ = committed_;
  // A change that isn't committed yet ends it; one that others know to be committed doesn't.
  while (proposed_ < last && (change_proposed_ <= committed_ || proposed_ < known_committed_)) {
    auto at = proposed_ + 1;
    slot best = log_.holds(at) ? log_.at(at) : slot{};
    if (auto found = taken.accepted.find(at);
        found != taken.accepted.end() && found->second.accepted > best.accepted)
      best = std::move(found->second);
    propose_value(std::move(best.value), 0);
  }
  carried_over_ = proposed_;
  // What the group behind a change decides shows that it knows of the change.
  if (change_proposed_ <= committed_ && (change_id_ != 0 || !members().votes(self_))) {
    propose_value({value_type::no_op, {}}, std::exchange(change_id_, 0));
    leaving_at_ = members().votes(self_) ? 0 : proposed_;
  }
  count_own_accepts();
  commit_chosen();
}

void replica::lead() {
  role_ = role::leader;
  leader_ = self_;
  forced_ = false;
  transferee_ = 0;
  heartbeat_round_ = 0;
  change_proposed_ = leaving_at_ = 0;
  change_id_ = 0;
  next_heartbeat_ = now_;
  next_quorum_check_ = now_ + config_.election_timeout;
  heartbeat_wanted_ = true;
  for (auto id : follower_reads_.take_all()) // which the leader before didn't answer
    leader_reads_.add({id, self_, {}, now_ + config_.read_timeout});
  peers_.clear();
  update_peers();
}

/// Promises a ballot, and takes notice of its leader when there is one.
void replica::follow(ballot which, spi::replica_id leader) {
  if (role_ == role::leader)
    step_down("another leader was elected");
  role_ = role::follower;
  preparation_.reset();
  if (which > promised_) {
    promised_ = which;
    verified_ = committed_;
    durably_verified_ = 0;
    acknowledged_round_ = 0;
    round_to_acknowledge_.reset();
    ranges_to_acknowledge_.clear(); // they speak of the ballot before
    persist_promise();
  }
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
  preparation_.reset();
  peers_.clear();
  // Whatever it proposed may yet be committed by the next leader.
  for (auto at = committed_ + 1; at <= log_.last(); ++at)
    if (auto id = std::exchange(log_.at(at).id, 0))
      effects_.push_back(spi::refuse{id, spi::refusal::unknown, 0, why});
  if (auto id = std::exchange(change_id_, 0))
    effects_.push_back(spi::refuse{id, spi::refusal::unknown, 0, why});
  refuse_reads(why);
  restart_election_timer();
}

std::string replica::refusal_to_propose() const {
  if (role_ != role::leader)
    return leader_ == 0 ? "no leader is elected; try again"
                        : "replica " + std::to_string(leader_) + " leads";
  if (transferee_ != 0)
    return "replica " + std::to_string(transferee_) + " is taking over; try again";
  if (preparation_ || change_proposed_ > committed_ || leaving_at_ != 0)
    return "the group is changing; try again";
  return {};
}

void replica::on_message(spi::replica_id, ballot which, const rejected&) {
  if (which > promised_ && (role_ == role::leader || role_ == role::candidate))
    step_down("a greater ballot was promised");
}

void replica::on_message(spi::replica_id from, ballot which, const timeout_now&) {
  if (which == promised_ && from == leader_ && members().votes(self_) && damaged_.empty())
    prepare(true);
}

void replica::transfer(spi::replica_id to) {
  auto peer = peers_.find(to);
  if (stopped_ || role_ != role::leader || !members().votes(to) || peer == peers_.end() ||
      !refusal_to_propose().empty())
    return;
  transferee_ = to;
  timeout_now_sent_ = false;
  transfer_deadline_ = now_ + config_.election_timeout;
  send_timeout_now_if_ready();
}

} // namespace atl::paxos
