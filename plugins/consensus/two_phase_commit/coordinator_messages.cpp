#include "replica.hpp"

#include <algorithm>

/// The messages that a coordinator sends to the participants.
namespace atl::two_phase {

void replica::send_prepares(peer& to, const std::vector<spi::log_index>& indexes) {
  for (std::size_t i = 0; i < indexes.size();) {
    std::size_t bytes = 0;
    auto first = i;
    auto change = false;
    for (; i < indexes.size(); ++i) {
      auto& it = *log_.find(indexes[i]);
      if (i > first && bytes + it.command.size() + 13 > config_.batch_bytes)
        break;
      bytes += it.command.size() + 13;
      change = change || it.kind == entry_kind::change;
    }
    spi::writer out;
    write_header(out, head_for(to, message_type::prepare));
    out.put(static_cast<std::uint32_t>(i - first));
    for (auto k = first; k < i; ++k) {
      auto& it = *log_.find(indexes[k]);
      out.put(indexes[k]).put(it.kind).put(it.command);
    }
    // All disks write concurrently. If this coordinator crashes before its own write, its next
    // incarnation learns a command from the voters; but it would not know the joining replicas of a
    // change, so a change waits until it is durable here.
    emit_send(to.id, out.take(), change ? after_queued_ops() : after_hard_state());
  }
}

void replica::flush_prepares() {
  std::erase_if(new_prepares_, [this](auto index) { return !is_open(index); });
  if (new_prepares_.empty())
    return;
  for (auto id : quorum_)
    if (auto it = find_peer(id))
      send_prepares(*it, new_prepares_);
  new_prepares_.clear();
}

void replica::flush_decisions() {
  if (new_decisions_.empty())
    return;
  for (auto id : quorum_) {
    auto it = find_peer(id);
    if (!it)
      continue;
    spi::writer out;
    write_header(out, head_for(*it, message_type::decide));
    out.put(static_cast<std::uint32_t>(new_decisions_.size()));
    for (auto& made : new_decisions_)
      out.put(made.index).put(made.commit);
    emit_send(id, out.take(),
              0); // no wait: a decision is queued here only when it can no longer be lost
  }
  new_decisions_.clear();
}

void replica::resend_prepares() {
  if (phase_ != phase::serving)
    return;
  std::vector<spi::log_index> indexes;
  for (auto id : quorum_) {
    auto peer = find_peer(id);
    if (!peer || is_down(*peer))
      continue;
    auto& to = *peer;
    indexes.clear();
    std::size_t bytes = 0;
    for (auto index = std::max(decided_ + 1, log_.first());
         index < log_.end() && bytes < config_.batch_bytes; ++index) {
      auto it = log_.find(index);
      if (!is_open(index) || (it->votes & bit_of(to.id)) != 0 ||
          now_ - it->since < config_.heartbeat)
        continue;
      indexes.push_back(index);
      bytes += it->command.size() + 13;
    }
    send_prepares(to, indexes);
  }
}

} // namespace atl::two_phase
