#include "leader_based_replica.hpp"

#include <algorithm>
#include <utility>

/// What a leader does once it is elected: heartbeats, replication, transfer of its leadership.
namespace atl::leader_based {

void leader_based_replica::set_leader(spi::replica_id leader) {
  if (leader_ != leader) {
    election_timer_.on_leader_changed();
    if (leader != 0) // reads that the previous leader didn't answer go to this one
      for (auto id : follower_reads_.take_all())
        follower_reads_.add(id);
  }
  leader_ = leader;
}

void leader_based_replica::begin_leadership(leadership& it) {
  leader_ = self_;
  it.next_heartbeat = now_;
  it.next_quorum_check = now_ + limits_.election_timeout;
  for (auto id : follower_reads_.take_all()) // reads that the previous leader didn't answer
    it.reads.add({id, self_, {}, now_ + limits_.read_timeout});
}

void leader_based_replica::on_leader_contact() {
  election_timer_.on_leader_contact(now_, timeout_factor());
  election_timer_.not_before(promised_until());
}

void leader_based_replica::defer_to(spi::replica_id other, bool is_ahead) {
  auto goes_first = role() == role_kind::candidate ||
                    (role() == role_kind::pre_candidate && !is_ahead && self_ < other);
  if (!goes_first && election_timer_.defer_to_candidate(now_, timeout_factor()))
    become_follower();
}

void leader_based_replica::tick_leader() {
  if (auto* it = leading(); it && now_ >= it->next_quorum_check)
    check_quorum(*it);
  auto* it = leading();
  if (!it)
    return;
  if (now_ >= it->next_heartbeat)
    it->heartbeat_wanted = true;
  if (it->transferee != 0 && now_ >= it->transfer_deadline)
    it->transferee = 0; // it didn't take over in time
}

void leader_based_replica::check_quorum(leadership& it) {
  it.next_quorum_check = now_ + limits_.election_timeout;
  auto check = it.quorum_check++;
  auto is_active = agreed([&](spi::replica_id id) -> std::uint64_t {
    auto* peer = it.find(id);
    return id == self_ || (peer && peer->active_in == check) ? 1 : 0;
  });
  if (is_active == 0)
    step_down("a quorum of the replicas doesn't respond");
}

// -- replication ------------------------------------------------------------------------------

void leader_based_replica::send_heartbeats() {
  auto& it = *leading();
  it.next_heartbeat = now_ + limits_.heartbeat;
  it.timeout_now_sent = false;
  send_timeout_now_if_ready();
  for (auto& [id, peer] : it.peers) {
    if (peer.log.has_lost(peer.round))
      peer.log.resend_from(peer.log.acknowledged() + 1);
    if (peer.log.is_started() && peer.log.next() <= extent().base)
      send_snapshot_if_due(it, id, peer);
  }
  send_heartbeat_round();
}

void leader_based_replica::send_heartbeat_round() {
  auto& it = *leading();
  ++it.heartbeat_round;
  for (auto& [id, peer] : it.peers)
    send_entries(id, peer, {});
}

void leader_based_replica::replicate(leadership& it) {
  if (std::exchange(it.heartbeat_wanted, false))
    send_heartbeats();
  auto base = extent().base;
  auto last = last_proposed();
  for (auto& [id, peer] : it.peers)
    while (peer.log.next() > base && peer.log.next() <= last &&
           peer.log.has_capacity(limits_.window_bytes)) {
      auto entries = next_batch(peer.log.next());
      send_entries(id, peer, entries);
      peer.log.sent(entries.count, entries.bytes, it.heartbeat_round);
    }
}

void leader_based_replica::note_heartbeat_response(progress& peer, std::uint64_t round,
                                                   spi::log_index acknowledged) {
  round = std::min(round, leading()->heartbeat_round);
  if (round < peer.round)
    return;
  peer.round = round;
  peer.log.learn_acknowledged(std::min(acknowledged, last_proposed()));
}

// -- transfer of leadership -------------------------------------------------------------------

void leader_based_replica::transfer(spi::replica_id to) {
  auto* it = leading();
  if (stopped_ || !it || !it->find(to) || !can_transfer_to(to))
    return;
  it->transferee = to;
  it->timeout_now_sent = false;
  it->transfer_deadline = now_ + limits_.election_timeout;
  send_timeout_now_if_ready();
}

void leader_based_replica::send_timeout_now_if_ready() {
  auto* it = leading();
  auto* peer = it ? it->find(it->transferee) : nullptr;
  if (!peer || it->timeout_now_sent || !is_caught_up(*peer))
    return;
  it->timeout_now_sent = it->has_handed_over = true;
  send(it->transferee, timeout_now{});
}

} // namespace atl::leader_based
