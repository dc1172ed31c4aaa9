#include "leader_based_replica.hpp"

/// Linearizable reads without a write: see `read_index.hpp`.
namespace atl::leader_based {

void leader_based_replica::read(spi::request_id id, spi::read_level level) {
  if (stopped_)
    return;
  auto* leads = leading();
  if (level == spi::read_level::local)
    outbox_.emit(spi::read_ready{id, delivered_});
  else if (follower_reads_.full() || (leads && leads->reads.full()))
    refuse_read(id, 0, "too many reads are waiting; try again");
  else if (leads)
    leads->reads.add({id, self_, {}, now_ + limits_.read_timeout});
  else if (leader_ == 0)
    refuse_read(id, 0, "no leader is elected; try again");
  else
    follower_reads_.add(id);
}

// -- the leader -------------------------------------------------------------------------------

void leader_based_replica::start_reads(leadership& it) {
  if (it.reads.empty() || !can_serve_reads())
    return;
  if (has_lease()) {
    for (auto& read : it.reads.take_all()) {
      read.index = commit_;
      finish_read(read, true, {});
    }
  } else if (it.reads.needs_heartbeat_round()) {
    send_heartbeat_round();
    it.reads.assign_round(it.heartbeat_round, commit_);
    confirm_reads(); // a group of one has confirmed itself
  }
}

void leader_based_replica::confirm_reads() {
  auto* it = leading();
  if (!it || it->reads.empty())
    return;
  auto confirmed = agreed([&](spi::replica_id id) -> std::uint64_t {
    auto* peer = it->find(id);
    return id == self_ ? it->heartbeat_round : peer ? peer->round : 0;
  });
  for (auto& read : it->reads.take_confirmed(confirmed))
    finish_read(read, true, {});
}

void leader_based_replica::on_message(spi::replica_id from, std::uint64_t term,
                                      const read_request& request) {
  auto* it = leading();
  if (it && term == this->term() && it->find(from) && !it->reads.full())
    it->reads.add({0, from, request.ticket, now_ + limits_.read_timeout});
  else
    send(from, read_response{request.ticket, false, 0});
}

// -- the followers ----------------------------------------------------------------------------

void leader_based_replica::forward_reads() {
  if (!follower_reads_.has_unsent())
    return;
  if (leader_ == 0)
    return refuse_reads(nullptr, "no leader is elected; try again");
  send(leader_, read_request{follower_reads_.forward(now_ + limits_.read_timeout)});
}

void leader_based_replica::on_message(spi::replica_id, std::uint64_t,
                                      const read_response& response) {
  for (auto id : follower_reads_.take_answered(response.ticket))
    if (response.ok)
      outbox_.emit(spi::read_ready{id, response.index});
    else
      refuse_read(id, leader_, "the leader changed; try again");
}

// -- both -------------------------------------------------------------------------------------

void leader_based_replica::finish_read(const waiting_read& it, bool ok, const std::string& why) {
  if (it.from != self_)
    send(it.from, read_response{it.ticket, ok, it.index});
  else if (ok)
    outbox_.emit(spi::read_ready{it.id, it.index});
  else
    refuse_read(it.id, leader_ == self_ ? 0 : leader_, why);
}

void leader_based_replica::expire_reads() {
  if (auto* it = leading())
    for (auto& read : it->reads.take_expired(now_))
      finish_read(read, false, "no quorum confirmed the leader in time; try again");
  for (auto id : follower_reads_.take_expired(now_))
    refuse_read(id, leader_, "the leader didn't respond in time");
}

void leader_based_replica::refuse_reads(leadership* of, const std::string& why) {
  if (of)
    for (auto& read : of->reads.take_all())
      finish_read(read, false, why);
  for (auto id : follower_reads_.take_all())
    refuse_read(id, leader_, why);
}

void leader_based_replica::refuse_read(spi::request_id id, spi::replica_id hint, std::string why) {
  outbox_.emit(spi::read_refused{id, hint, std::move(why)});
}

} // namespace atl::leader_based
