#include "replica.hpp"

#include <algorithm>
#include <functional>

/// Linearizable reads: see `common/read_index.hpp`.
namespace atl::paxos {

void replica::read(spi::request_id id, spi::read_level level) {
  if (stopped_)
    return;
  auto refuse = [&](std::string why) {
    effects_.push_back(spi::read_refused{id, 0, std::move(why)});
  };
  if (level == spi::read_level::local)
    effects_.push_back(spi::read_ready{id, delivered_});
  else if (leader_reads_.full() || follower_reads_.full())
    refuse("too many reads are waiting; try again");
  else if (role_ == role::leader)
    leader_reads_.add({id, self_, {}, now_ + config_.read_timeout});
  else if (leader_ == 0)
    refuse("no leader is elected; try again");
  else
    follower_reads_.add(id);
}

/// A new leader knows what is committed only when it has committed all that it carried over.
void replica::start_reads() {
  if (!leader_reads_.needs_heartbeat_round() || preparation_ || committed_ < carried_over_)
    return;
  begin_heartbeat_round();
  leader_reads_.assign_round(heartbeat_round_, committed_);
  confirm_reads();
}

/// A leader that was deposed has committed nothing that a quorum to accept doesn't know of.
void replica::confirm_reads() {
  if (leader_reads_.empty())
    return;
  std::vector<std::uint64_t> rounds;
  for (auto id : members().voters) {
    auto peer = peers_.find(id);
    rounds.push_back(id == self_            ? heartbeat_round_
                     : peer == peers_.end() ? 0
                                            : peer->second.round);
  }
  auto place = rounds.begin() + static_cast<std::ptrdiff_t>(accept_quorum() - 1);
  std::nth_element(rounds.begin(), place, rounds.end(), std::greater<>{});
  for (auto& it : leader_reads_.take_confirmed(*place))
    finish_read(it, true, {});
}

void replica::finish_read(const leader_based::waiting_read& it, bool ok, const std::string& why) {
  if (it.from != self_)
    emit_send(it.from, encode(promised_, read_response{it.asked, ok, it.index}), after_promise());
  else if (ok)
    effects_.push_back(spi::read_ready{it.id, it.index});
  else
    effects_.push_back(spi::read_refused{it.id, leader_ == self_ ? 0 : leader_, why});
}

void replica::forward_reads() {
  if (!follower_reads_.has_unsent())
    return;
  if (leader_ == 0)
    return refuse_reads("no leader is elected; try again");
  auto asked = follower_reads_.forward(now_ + config_.read_timeout);
  emit_send(leader_, encode(promised_, read_request{asked}), after_promise());
}

void replica::on_message(spi::replica_id from, ballot which, const read_request& it) {
  if (role_ == role::leader && which == promised_ && peers_.contains(from) && !leader_reads_.full())
    return leader_reads_.add({0, from, it.asked, now_ + config_.read_timeout});
  emit_send(from, encode(promised_, read_response{it.asked, false, 0}), after_promise());
}

void replica::on_message(spi::replica_id, ballot, const read_response& answer) {
  for (auto id : follower_reads_.take_answered(answer.asked))
    if (answer.ok)
      effects_.push_back(spi::read_ready{id, answer.index});
    else
      effects_.push_back(spi::read_refused{id, leader_, "the leader changed; try again"});
}

void replica::expire_reads() {
  for (auto& it : leader_reads_.take_expired(now_))
    finish_read(it, false, "no quorum confirmed the leader in time; try again");
  for (auto id : follower_reads_.take_expired(now_))
    effects_.push_back(spi::read_refused{id, leader_, "the leader didn't answer in time"});
}

void replica::refuse_reads(const std::string& why) {
  for (auto& it : leader_reads_.take_all())
    finish_read(it, false, why);
  for (auto id : follower_reads_.take_all())
    effects_.push_back(spi::read_refused{id, leader_, why});
}

} // namespace atl::paxos
