#include "replica.hpp"

#include <algorithm>

/// Messages from and to peers, and what is known about each peer.
namespace atl::two_phase {

void replica::step(spi::replica_id from, std::string_view bytes) {
  spi::reader in{bytes};
  auto head = read_header(in);
  auto acceptable = !stopped_ && head && head->group == group_ && !has(declared_lost_, from);
  auto sender = acceptable ? find_or_add_peer(from) : nullptr;
  if (!sender || head->incarnation < sender->incarnation) {
    ++dropped_;
    return;
  }
  dispatch(*sender, *head, in);
}

void replica::dispatch(peer& from, const header& head, spi::reader& in) {
  auto for_this_incarnation = head.to_incarnation == incarnation_;
  auto from_coordinator = !is_coordinator() && from.id == leader_id();
  switch (head.type) {
  case message_type::heartbeat:
    if (heartbeat body; decode(in, body)) {
      on_heard(from, head);
      return on_heartbeat(from, head, body);
    }
    break;
  case message_type::prepare:
    if (std::vector<prepare_entry> body;
        for_this_incarnation && from_coordinator && decode(in, body)) {
      on_heard(from, head);
      return on_prepare(head, body);
    }
    break;
  case message_type::decide:
    if (std::vector<decide_entry> body;
        for_this_incarnation && from_coordinator && decode(in, body)) {
      on_heard(from, head);
      if (head.epoch == epoch_)
        return on_decisions(body);
    }
    break;
  case message_type::vote:
    if (std::vector<vote_entry> body;
        for_this_incarnation && is_coordinator() && decode(in, body)) {
      on_heard(from, head);
      return on_votes(from, head, body);
    }
    break;
  case message_type::fetch:
    // A fetch from or for an earlier incarnation is harmless to answer.
    if (fetch body; decode(in, body)) {
      on_heard(from, head);
      return serve_fetch(from, body);
    }
    break;
  case message_type::entries:
    if (entries body; for_this_incarnation && decode(in, body)) {
      on_heard(from, head);
      return on_entries(from, head, body);
    }
    break;
  }
  ++dropped_;
}

void replica::on_heartbeat(peer& from, const header& head, const heartbeat& body) {
  if (has(body.lost, self_))
    return stop("replica " + std::to_string(self_) +
                " was declared lost, and its group continues without it: empty its disk, and let "
                "it join under an id that was never used");
  auto news = add_lost(body.lost);
  if (body.group.index > latest_group_.index) {
    latest_group_ = body.group;
    news = true;
  }
  if (news)
    on_group_changed();
  from.applied = std::max(from.applied, body.applied);
  from.decided = std::max(from.decided, body.decided);
  if (is_coordinator())
    on_peer_heartbeat(from, head, body);
  else if (body.coordinates && from.id == leader_id())
    on_coordinator_heartbeat(from, head, body);
  if (handover_index_ != 0 && body.decided >= handover_index_ && members().is_voter(from.id)) {
    handover_index_ = 0;
    advance_decided();
  }
  if (!stopped_ && (body.asks || body.group.index < latest_group_.index))
    send_heartbeat(from);
}

void replica::on_heard(peer& from, const header& head) {
  if (head.incarnation > from.incarnation) {
    forget_collected(from);
    from = {.id = from.id, .incarnation = head.incarnation};
  }
  from.last_heard = now_;
  from.ever_heard = true;
  from.unreachable = from.down_handled = false;
}

void replica::on_unreachable(spi::replica_id id) {
  if (auto it = find_peer(id)) {
    it->unreachable = true;
    if (fetch_.to == id)
      fetch_.outstanding = false;
    if (is_coordinator())
      watch_peers();
  }
}

header replica::head_for(const peer& to, message_type type) const {
  // A replica that takes over may have promised a lower epoch than its peers; epoch 0 asks for
  // theirs.
  auto asks_for_epochs = is_coordinator() && phase_ == phase::probing;
  return {type, group_, incarnation_, to.incarnation, asks_for_epochs ? 0 : epoch_};
}

void replica::emit_send(spi::replica_id to, std::string bytes, spi::persist_token after) {
  effects_.push_back(spi::send{to, std::move(bytes), after});
}

void replica::send_heartbeats() {
  if (is_coordinator()) {
    for (auto id : active_peers_) {
      auto& it = *find_peer(id);
      send_heartbeat(it, !it.known || it.epoch != epoch_ || phase_ != phase::serving);
    }
    return;
  }
  if (auto leader = find_peer(leader_id()); leader && (is_member() || !is_down(*leader)))
    send_heartbeat(*leader);
  if (handover_index_ != 0)
    for (auto id : members().voters)
      if (auto it = find_peer(id))
        send_heartbeat(*it, true);
}

void replica::send_heartbeat(peer& to, bool asks) {
  auto limit = disclosed_up_to(to.id);
  spi::writer out;
  write_header(out, head_for(to, message_type::heartbeat));
  encode(out, heartbeat{.coordinates = is_coordinator(),
                        .asks = asks,
                        .complete = complete_,
                        .decided = std::min(decided_, limit),
                        .last = std::min(std::max(log_.last(), decided_), limit),
                        .applied = applied_,
                        .all_applied = is_coordinator() ? applied_by_all() : 0,
                        .group = latest_group_,
                        .lost = declared_lost_});
  emit_send(to.id, out.take(),
            after_hard_state()); // a heartbeat depends on the hard state
}

// -- peers --------------------------------------------------------------------------------------

bool replica::is_down(const peer& it) const {
  return !it.ever_heard || it.unreachable || now_ - it.last_heard > config_.failure_timeout;
}

std::string replica::describe_silence(const peer& it) const {
  auto name = "replica " + std::to_string(it.id);
  if (!it.ever_heard)
    return name + " has not been heard from since this replica started";
  if (it.unreachable)
    return name + " is unreachable";
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - it.last_heard).count();
  return name + " has not been heard from for " + std::to_string(ms) + " ms";
}

} // namespace atl::two_phase
