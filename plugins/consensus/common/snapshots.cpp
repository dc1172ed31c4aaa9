#include "leader_based_replica.hpp"

#include <algorithm>
#include <utility>

/// Cuts of the log, and snapshots for replicas that lack entries which were cut.
namespace atl::leader_based {

void leader_based_replica::on_applied(spi::log_index index) {
  if (stopped_)
    return;
  applied_ = std::max(applied_, std::min(index, delivered_));
  cut_log();
}

void leader_based_replica::cut_log() {
  if (snapshot_)
    return;
  auto log = extent();
  auto goal = cut_goal(limits_, log.base, log.last, log.bytes, applied_, cut_limit());
  if (goal <= log.base)
    return;
  members_.cut(goal);
  outbox_.erase(log.base + 1, goal);
  cut_log_at(goal);
  outbox_.write_meta();
  if (extent().bytes > limits_.log_bytes) // entries differ in size: `goal` is an estimate
    cut_log();
}

// -- the leader -------------------------------------------------------------------------------

/// One snapshot at a time, and only for a peer that has responded since the last one: a snapshot
/// may be large, and take long to install.
void leader_based_replica::send_snapshot_if_due(leadership& it, spi::replica_id to,
                                                progress& peer) {
  if (peer.sending_snapshot || peer.round <= peer.snapshot_round || now_ < peer.next_snapshot_at)
    return;
  peer.sending_snapshot = true;
  peer.snapshot_round = it.heartbeat_round;
  outbox_.emit(spi::send_snapshot{to});
}

/// Whether the snapshot arrived shows in the peer's responses; if not, another one is sent.
void leader_based_replica::on_snapshot_sent(spi::replica_id to, bool) {
  auto* it = leading();
  if (auto* peer = it ? it->find(to) : nullptr) {
    peer->sending_snapshot = false;
    peer->next_snapshot_at = now_ + limits_.election_timeout;
  }
}

// -- the receiver -----------------------------------------------------------------------------

void leader_based_replica::on_snapshot_received(spi::log_index index, std::string_view blob) {
  if (stopped_ || (snapshot_ && snapshot_->requested))
    return;
  // The host keeps only the newest snapshot that it received, so an earlier one is gone.
  if (std::exchange(snapshot_, std::nullopt))
    outbox_.write_meta();
  auto received = decode_snapshot(blob);
  if (!received || index <= commit_)
    return deliver();
  received->index = index;
  received->token = outbox_.next_token(); // the next record carries the protocol's state
  snapshot_ = std::move(received);
  outbox_.write_meta();
}

void leader_based_replica::request_installation() {
  if (!snapshot_ || snapshot_->requested || !outbox_.is_durable(snapshot_->token))
    return;
  snapshot_->requested = true;
  outbox_.emit(spi::install_snapshot{snapshot_->index});
}

void leader_based_replica::on_installed(spi::log_index index) {
  if (stopped_ || !snapshot_ || snapshot_->index != index)
    return;
  on_snapshot_installed(*std::exchange(snapshot_, std::nullopt));
  commit_ = std::max(commit_, index);
  delivered_ = applied_ = index;
  outbox_.write_meta();
  publish_members();
  deliver();
}

// -- a state machine that was damaged ---------------------------------------------------------

bool leader_based_replica::rebuild_from(const spi::stable_state& stable, spi::log_index index,
                                        std::string_view blob) {
  auto base = stable.meta && !stable.meta_corrupt ? base_in(*stable.meta) : std::nullopt;
  auto taken = decode_snapshot(blob);
  if (!base || !taken || index < *base)
    return false;
  taken->index = index;
  rebuilt_ = std::move(taken);
  return true;
}

} // namespace atl::leader_based
