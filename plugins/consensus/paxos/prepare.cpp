#include "replica.hpp"

#include <algorithm>
#include <utility>

/// Phase 1: the election, and what the leader must carry over from earlier ballots.
namespace atl::paxos {

// -- when to campaign -------------------------------------------------------------------------

/// A replica that campaigns without a vote lets those with a vote go first.
int replica::timeout_factor() const {
  return members_.current().votes(self_) ? 1 : 4;
}

void replica::become_follower() {
  if (!std::holds_alternative<follower>(role_))
    role_ = follower{};
}

/// Asks which voters would promise, in no new ballot: a replica that was cut off, or is far behind,
/// must not depose a leader, and two candidates learn of each other before they reject each other.
/// That changes nothing, so it is repeated soon: other replicas may notice a little later that the
/// leader is gone, or be about to come back.
void replica::on_election_timeout() {
  if (!damaged_.empty()) // it can't say what it accepted, so it can't lead
    return restart_election_timer();
  auto& it = role_.emplace<pre_candidate>();
  leader_ = 0;
  election_timer_.begin_pre_vote(now_, timeout_factor());
  if (members_.current().votes(self_))
    it.supporters.insert(self_);
  if (it.supporters.size() >= prepare_quorum())
    return prepare(false);
  auto bytes = encode(make_ballot(round_of(greatest_seen_) + 1, self_),
                      prepare_request{commit_ + 1, config_.quorums, true, false});
  for (auto id : members_.current().voters)
    if (id != self_)
      outbox_.send(id, bytes);
}

void replica::on_pre_vote(spi::replica_id from, const promise& response) {
  auto* it = std::get_if<pre_candidate>(&role_);
  if (!it || !members_.current().votes(from))
    return;
  if (!members_.current().votes(self_) && members_.newest_change() != 0 &&
      response.committed >= members_.newest_change())
    is_successor_group_active_ = true; // a member of the new group knows that it is the group
  if (!response.ok || !can_campaign()) // it can't when the change was cut from the log meanwhile
    return;
  it->supporters.insert(from);
  if (it->supporters.size() >= prepare_quorum())
    prepare(false);
}

void replica::on_message(spi::replica_id from, ballot which, const timeout_now&) {
  if (which == promised_ && from == leader_ && members_.current().votes(self_) && damaged_.empty())
    prepare(true);
}

// -- the candidate ----------------------------------------------------------------------------

void replica::prepare(bool forced) {
  leader_ = 0;
  promised_ = make_ballot(round_of(std::max(promised_, greatest_seen_)) + 1, self_);
  greatest_seen_ = promised_;
  verified_ = commit_;
  durably_verified_ = 0;
  outbox_.write_promise();
  restart_election_timer();
  role_ = candidate{begin_preparation()};
  phase1()->forced = forced;
  request_promises();
}

preparation* replica::phase1() {
  if (auto* it = std::get_if<candidate>(&role_))
    return &it->phase1;
  auto* it = std::get_if<leader>(&role_);
  return it && it->phase1 ? &*it->phase1 : nullptr;
}

preparation replica::begin_preparation() const {
  preparation it;
  for (auto id : members_.current().voters)
    if (id != self_)
      it.next[id] = commit_ + 1;
  return it;
}

void replica::request_promises() {
  if (auto* it = std::get_if<candidate>(&role_))
    it->next_request = now_ + config_.heartbeat;
  auto& phase = *phase1();
  for (auto& [id, first] : phase.next)
    if (!phase.promised.contains(id))
      request_promise(phase, id, first);
}

void replica::request_promise(const preparation& phase, spi::replica_id voter,
                              spi::log_index first) {
  send_message(voter, prepare_request{first, config_.quorums, false, phase.forced});
}

void replica::on_message(spi::replica_id from, ballot which, promise& response) {
  if (response.pre_vote)
    return on_pre_vote(from, response);
  auto* phase = phase1();
  if (!phase || response.asked != promised_ || which != promised_)
    return;
  auto next = phase->next.find(from);
  if (next == phase->next.end() || response.first != next->second)
    return;           // a page that came already
  if (!response.ok) { // the voter has cut what this replica lacks; perhaps others have not
    phase->next.erase(next);
    auto left = phase->next.size() + members_.current().votes(self_);
    if (leading() || left < prepare_quorum())
      step_down("this replica lacks what the others have cut from their logs");
    return;
  }
  merge_page(*phase, response);
  if (response.complete) {
    phase->promised[from] = {response.committed, response.incarnation};
    phase->known_committed = std::max(phase->known_committed, response.committed);
    return finish_preparation();
  }
  if (response.covered < response.first)
    return; // malformed: a page that isn't the last one covers something
  next->second = response.covered + 1;
  if (!leading())
    restart_election_timer(); // the candidate makes progress, however slow the network is
  request_promise(*phase, from, next->second);
}

void replica::merge_page(preparation& phase, promise& page) {
  for (auto& [index, it] : page.accepted) {
    if (index <= commit_ || index > commit_ + 2 * ahead_max)
      continue;
    auto& best = phase.accepted[index];
    if (it.accepted > best.accepted)
      best = std::move(it);
  }
}

// -- the new leader ---------------------------------------------------------------------------

void replica::finish_preparation() {
  auto* phase = phase1();
  if (!phase || !outbox_.is_promise_durable()) // its own promise counts once it is durable
    return;
  auto promised = static_cast<std::size_t>(members_.current().votes(self_));
  for (auto& [id, point] : phase->promised)
    promised += members_.current().votes(id);
  if (promised < prepare_quorum())
    return;
  auto taken = std::move(*phase);
  if (auto* it = std::get_if<leader>(&role_))
    it->phase1.reset();
  else
    lead();
  carry_over(std::get<leader>(role_), std::move(taken));
}

void replica::lead() {
  auto& it = role_.emplace<leader>();
  begin_leadership(it);
  update_peers(it);
}

/// Proposes again what earlier ballots may have committed: at each index the value that was
/// accepted in the greatest ballot, or a no-op where nothing was accepted.
void replica::carry_over(leader& it, preparation taken) {
  it.known_committed = std::max(it.known_committed, taken.known_committed);
  for (auto& [id, point] : taken.promised)
    if (auto* peer = it.find(id); peer && point.incarnation >= it.acceptors[id].incarnation) {
      learn_incarnation(*peer, it.acceptors[id], point.incarnation, point.committed);
      learn_match(*peer, std::min(point.committed, commit_));
    }
  auto last = std::max(log_.last(), commit_);
  if (!taken.accepted.empty())
    last = std::max(last, taken.accepted.rbegin()->first);
  it.proposed = it.own_durable = commit_;
  // Nothing is proposed after a change that isn't committed, unless others know that it is.
  while (it.proposed < last &&
         (it.change_proposed <= commit_ || it.proposed < it.known_committed)) {
    auto index = it.proposed + 1;
    slot best = log_.holds(index) ? log_.at(index) : slot{};
    if (auto found = taken.accepted.find(index);
        found != taken.accepted.end() && found->second.accepted > best.accepted)
      best = std::move(found->second);
    propose_value(it, std::move(best.value), 0);
  }
  it.carried_over = it.proposed;
  // An entry that the new group commits shows that the group knows of the change.
  if (it.change_proposed <= commit_ && (it.change_id != 0 || !members_.current().votes(self_))) {
    propose_value(it, {value_type::no_op, {}}, std::exchange(it.change_id, 0));
    it.leaving_at = members_.current().votes(self_) ? 0 : it.proposed;
  }
  count_own_accepts(it);
  commit_chosen();
}

void replica::step_down(const std::string& why) {
  auto ended = std::exchange(role_, follower{});
  auto* it = std::get_if<leader>(&ended);
  resign(log_, it, it ? it->change_id : 0, why);
}

void replica::on_message(spi::replica_id, ballot which, const rejected&) {
  if (which > promised_ && (leading() || std::holds_alternative<candidate>(role_)))
    step_down("a greater ballot was promised");
}

// -- the voters -------------------------------------------------------------------------------

/// Promises a ballot, and follows its leader when it is known.
void replica::follow(ballot which, spi::replica_id leader) {
  if (leading())
    step_down("another leader was elected");
  become_follower();
  if (which > promised_) {
    role_ = follower{}; // owes nothing to the leader of the earlier ballot
    promised_ = which;
    verified_ = commit_;
    durably_verified_ = 0;
    outbox_.write_promise();
  }
  set_leader(leader);
}

void replica::on_message(spi::replica_id from, ballot which, const prepare_request& request) {
  if (request.quorums != config_.quorums || owner_of(which) != from)
    return;
  // A replica that hears its leader doesn't help to depose it.
  auto has_leader =
      leading() || (leader_ != 0 && leader_ != from && election_timer_.is_leader_active(now_));
  if (request.pre_vote) {
    auto is_behind =
        request.first <= log_.base() || request.first + config_.in_flight_max <= commit_;
    promise response;
    response.asked = which;
    response.pre_vote = true;
    response.committed = commit_;
    response.ok = damaged_.empty() && !has_leader && !is_behind;
    if (response.ok)
      defer_to(from, request.first > commit_ + 1);
    return send_message(from, response);
  }
  if (which < promised_)
    return send_message(from, rejected{});
  if (!damaged_.empty() || (which > promised_ && has_leader && !request.forced))
    return;
  if (which > promised_)
    follow(which, 0);
  restart_election_timer();
  send_message(from, page_from(request.first));
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
  for (; page.covered < log_.last(); ++page.covered) {
    auto index = page.covered + 1;
    if (!log_.holds(index))
      continue;
    auto& it = log_.at(index);
    if (!page.accepted.empty() && bytes + it.bytes() > config_.batch_bytes)
      break;
    page.accepted.emplace_back(index, slot{it.accepted, it.value, 0, 0, 0});
    bytes += it.bytes();
  }
  page.complete = page.covered >= log_.last();
  return page;
}

} // namespace atl::paxos
