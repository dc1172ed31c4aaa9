#include "replica.hpp"

#include <algorithm>

/// What comes in from peers and goes out to them, and what is known of each.
namespace atl::two_phase {

void replica::step(spi::replica_id from, std::string_view bytes) {
  spi::reader in{bytes};
  auto head = read_header(in);
  auto welcome = !stopped_ && head && head->group == group_ && !has(lost_, from);
  auto sender = welcome ? meet_peer(from) : nullptr;
  if (!sender || head->incarnation < sender->incarnation) {
    ++dropped_;
    return;
  }
  dispatch(*sender, *head, in);
}

void replica::dispatch(peer& from, const header& head, spi::reader& in) {
  auto for_this_incarnation = head.to_incarnation == incarnation_;
  auto from_coordinator = !coordinator() && from.id == leader_id();
  switch (head.type) {
  case message_type::heartbeat:
    if (heartbeat body; decode(in, body)) {
      hear(from, head);
      return on_heartbeat(from, head, body);
    }
    break;
  case message_type::prepare:
    if (std::vector<prepare_entry> body;
        for_this_incarnation && from_coordinator && decode(in, body)) {
      hear(from, head);
      return on_prepare(head, body);
    }
    break;
  case message_type::decide:
    if (std::vector<decide_entry> body;
        for_this_incarnation && from_coordinator && decode(in, body)) {
      hear(from, head);
      if (head.epoch == epoch_)
        return on_decisions(body);
    }
    break;
  case message_type::vote:
    if (std::vector<vote_entry> body; for_this_incarnation && coordinator() && decode(in, body)) {
      hear(from, head);
      return on_votes(from, head, body);
    }
    break;
  case message_type::fetch:
    // From an earlier incarnation of the requester's or meant for one of ours: answering does no
    // harm.
    if (fetch body; decode(in, body)) {
      hear(from, head);
      return serve_fetch(from, body);
    }
    break;
  case message_type::entries:
    if (entries body; for_this_incarnation && decode(in, body)) {
      hear(from, head);
      return on_entries(from, head, body);
    }
    break;
  }
  ++dropped_;
}

void replica::on_heartbeat(peer& from, const header& head, const heartbeat& body) {
  if (has(body.lost, self_))
    return stop("the others were told that the disk of replica " + std::to_string(self_) +
                " is lost, and went on without it: empty it, and let this machine join them under "
                "an id that was never used");
  auto news = add_lost(body.lost);
  if (body.group.index > heard_.index) {
    heard_ = body.group;
    news = true;
  }
  if (news)
    review_group();
  from.applied = std::max(from.applied, body.applied);
  from.decided = std::max(from.decided, body.decided);
  if (coordinator())
    on_peer_heartbeat(from, head, body);
  else if (body.coordinates && from.id == leader_id())
    on_coordinator_heartbeat(from, head, body);
  if (handover_ != 0 && body.decided >= handover_ && members().votes(from.id)) {
    handover_ = 0;
    advance_decided();
  }
  if (!stopped_ && (body.asks || body.group.index < heard_.index))
    send_heartbeat(from);
}

void replica::hear(peer& from, const header& head) {
  if (head.incarnation > from.incarnation) {
    forget_gathered(from);
    from = {.id = from.id, .incarnation = head.incarnation};
  }
  from.heard = now_;
  from.ever_heard = true;
  from.unreachable = from.down_handled = false;
}

void replica::on_unreachable(spi::replica_id id) {
  if (auto it = find_peer(id)) {
    it->unreachable = true;
    if (fetch_.to == id)
      fetch_.outstanding = false;
    if (coordinator())
      watch_peers();
  }
}

header replica::head_for(const peer& to, message_type type) const {
  // One that takes over may have promised an older epoch than others did: it asks for theirs.
  auto asks_for_epochs = coordinator() && phase_ == phase::probing;
  return {type, group_, incarnation_, to.incarnation, asks_for_epochs ? 0 : epoch_};
}

void replica::emit_send(spi::replica_id to, std::string bytes, spi::persist_token after) {
  effects_.push_back(spi::send{to, std::move(bytes), after});
}

void replica::beat() {
  if (coordinator()) {
    for (auto id : circle_) {
      auto& it = *find_peer(id);
      send_heartbeat(it, !it.known || it.epoch != epoch_ || phase_ != phase::serving);
    }
    return;
  }
  if (auto leader = find_peer(leader_id()); leader && (belongs() || !down(*leader)))
    send_heartbeat(*leader);
  if (handover_ != 0)
    for (auto id : members().voters)
      if (auto it = find_peer(id))
        send_heartbeat(*it, true);
}

void replica::send_heartbeat(peer& to, bool asks) {
  auto limit = told_to(to.id);
  spi::writer out;
  write_header(out, head_for(to, message_type::heartbeat));
  encode(out, heartbeat{.coordinates = coordinator(),
                        .asks = asks,
                        .whole = whole_,
                        .decided = std::min(decided_, limit),
                        .last = std::min(std::max(log_.last(), decided_), limit),
                        .applied = applied_,
                        .all_applied = coordinator() ? applied_by_all() : 0,
                        .group = heard_,
                        .lost = lost_});
  emit_send(to.id, out.take(),
            after_standing()); // it speaks of the epoch, of being whole, and of who is gone
}

// -- peers --------------------------------------------------------------------------------------

bool replica::down(const peer& it) const {
  return !it.ever_heard || it.unreachable || now_ - it.heard > config_.failure_timeout;
}

std::string replica::silence(const peer& it) const {
  auto name = "replica " + std::to_string(it.id);
  if (!it.ever_heard)
    return name + " has not been heard from since this replica started";
  if (it.unreachable)
    return name + " can't be reached";
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - it.heard).count();
  return name + " has not been heard from for " + std::to_string(ms) + " ms";
}

} // namespace atl::two_phase
