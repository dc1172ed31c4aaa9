#include "replica.hpp"

#include <algorithm>

/// What comes in from peers and goes out to them, and what is known of each.
namespace atl::two_phase {

void replica::step(spi::replica_id from, std::string_view bytes) {
  auto sender = find_peer(from);
  spi::reader in{bytes};
  auto head = read_header(in);
  if (stopped_ || !sender || !head || head->group != group_ ||
      head->incarnation < sender->incarnation) {
    ++dropped_;
    return;
  }
  dispatch(*sender, *head, in);
}

void replica::dispatch(peer& from, const header& head, spi::reader& in) {
  auto for_this_life = head.to_incarnation == incarnation_;
  auto from_coordinator = from.id == voters_.front();
  switch (head.type) {
  case message_type::heartbeat:
    if (heartbeat body; decode(in, body)) {
      hear(from, head);
      if (coordinator())
        return on_peer_heartbeat(from, head, body);
      if (from_coordinator)
        return on_coordinator_heartbeat(from, head, body);
    }
    break;
  case message_type::prepare:
    if (std::vector<prepare_entry> body; for_this_life && from_coordinator && decode(in, body)) {
      hear(from, head);
      return on_prepare(head, body);
    }
    break;
  case message_type::decide:
    if (std::vector<decide_entry> body; for_this_life && from_coordinator && decode(in, body)) {
      hear(from, head);
      if (head.epoch == epoch_)
        return on_decisions(body);
    }
    break;
  case message_type::vote:
    if (std::vector<vote_entry> body; for_this_life && coordinator() && decode(in, body)) {
      hear(from, head);
      return on_votes(from, head, body);
    }
    break;
  case message_type::fetch:
    // From an earlier life of the asker's or meant for one of ours: answering does no harm.
    if (fetch body; decode(in, body)) {
      hear(from, head);
      return serve_fetch(from, body);
    }
    break;
  case message_type::entries:
    if (entries body; for_this_life && decode(in, body)) {
      hear(from, head);
      return on_entries(from, head, body);
    }
    break;
  }
  ++dropped_;
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
  return {type, group_, incarnation_, to.incarnation, epoch_};
}

void replica::emit_send(spi::replica_id to, std::string bytes, spi::persist_token after) {
  effects_.push_back(spi::send{to, std::move(bytes), after});
}

void replica::beat() {
  if (!coordinator())
    return send_heartbeat(peers_.front());
  for (auto& it : peers_)
    send_heartbeat(it);
}

void replica::send_heartbeat(peer& to) {
  spi::writer out;
  write_header(out, head_for(to, message_type::heartbeat));
  encode(out, heartbeat{.whole = whole_,
                        .decided = decided_,
                        .last = std::max(log_.last(), decided_),
                        .applied = applied_,
                        .all_applied = coordinator() ? applied_by_all() : 0});
  emit_send(to.id, out.take(), after_meta()); // it speaks of the epoch, and of being whole
}

// -- peers --------------------------------------------------------------------------------------

peer* replica::find_peer(spi::replica_id id) {
  auto found = std::find_if(peers_.begin(), peers_.end(), [id](auto& it) { return it.id == id; });
  return found == peers_.end() ? nullptr : &*found;
}

std::uint64_t replica::bit_of(spi::replica_id id) const {
  auto found = std::lower_bound(voters_.begin(), voters_.end(), id);
  return std::uint64_t{1} << (found - voters_.begin());
}

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
