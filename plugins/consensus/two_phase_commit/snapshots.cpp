#include "replica.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

/// Snapshots of the state machine, which replace entries that were cut; a snapshot carries the
/// membership that is effective at its index.
namespace atl::two_phase {

void replica::on_snapshot_sent(spi::replica_id to, bool) {
  if (auto it = find_peer(to))
    it->snapshot_under_way = false;
}

std::string replica::snapshot_blob(spi::log_index index) const {
  auto behind = groups_.upper_bound(index);
  auto in_force = behind == groups_.begin() ? behind : std::prev(behind);
  return encode_snapshot_head({group_, index, {in_force->first, in_force->second}});
}

void replica::on_snapshot_received(spi::log_index index, std::string_view blob) {
  if (stopped_ || (snapshot_ && snapshot_->asked))
    return;
  // The host keeps only the newest received snapshot, so one that waits to be installed is gone.
  if (std::exchange(snapshot_, std::nullopt))
    put_meta();
  snapshot_head head;
  auto wanted = !is_coordinator() || phase_ == phase::collecting;
  if (!wanted || index <= decided_ || !decode_snapshot_head(blob, head) || head.group != group_ ||
      head.index != index || head.members.index > index) {
    ++dropped_;
    return;
  }
  // The membership has to be durable before this replica can start from the snapshot.
  snapshot_ = pending_snapshot{index, std::move(head.members), open_token(), false};
  put_meta();
}

void replica::install_when_durable() {
  if (!snapshot_ || snapshot_->asked || snapshot_->token > durable_)
    return;
  if (snapshot_->index <= decided_ || (is_coordinator() && phase_ == phase::serving)) {
    snapshot_.reset();
    put_meta();
    return;
  }
  snapshot_->asked = true;
  installing_ = snapshot_->index;
  flush_apply();
  effects_.push_back(spi::install_snapshot{installing_});
}

void replica::on_installed(spi::log_index index) {
  if (stopped_ || !snapshot_ || index != installing_)
    return;
  installing_ = 0;
  adopt_group(std::exchange(snapshot_, std::nullopt)->members);
  decided_ = std::max(decided_, index);
  applied_ = std::max(applied_, index);
  if (log_.first() <= index)
    for (auto stream : {prepare_stream, decision_stream})
      ops_.push_back(spi::erase_records{stream, log_.first(), index});
  log_.cut(index + 1);
  repairs_.erase(repairs_.begin(), repairs_.upper_bound(index));
  put_meta();
  on_group_changed();
  advance_decided();
  if (phase_ == phase::collecting || !complete_)
    fetch_when_stalled();
}

} // namespace atl::two_phase
