#include "replica.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

/// Durable records, and the effects that wait for them.
namespace atl::two_phase {

namespace {

/// Decisions may be written late: up to this delay and this number they are batched with the next
/// records that must be durable.
constexpr spi::timestamp decision_delay_max = std::chrono::milliseconds{2};
constexpr std::size_t delayed_ops_max = 1024;

} // namespace

/// Token for everything queued in `ops_`, which the next `drain` must persist; 0: all is durable.
spi::persist_token replica::after_queued_ops() {
  must_persist_ = must_persist_ || !ops_.empty();
  auto last = ops_.empty() ? token_ : open_token();
  return last > durable_ ? last : 0;
}

spi::persist_token replica::after_hard_state() const {
  return hard_state_token_ > durable_ ? hard_state_token_ : 0;
}

/// Persists where the log begins and which snapshot is being installed. Messages do not depend on
/// these, so none waits for them; otherwise a replica whose disk stalls during a log cut would look
/// down and block writes.
void replica::put_meta() {
  // Every snapshot sent or installed from now on is at `applied_` or later, so older memberships
  // are not needed.
  auto in_force = std::prev(groups_.upper_bound(std::max(applied_, groups_.begin()->first)));
  groups_.erase(groups_.begin(), in_force);
  meta_record meta{initial_voters_, epoch_,           complete_,
                   log_.first(),    was_participant_, declared_lost_};
  for (auto& [index, group] : groups_)
    meta.groups.push_back({index, group});
  if (deciding_group_)
    meta.groups.push_back(*deciding_group_);
  if (snapshot_)
    meta.snapshot.emplace(snapshot_->index, snapshot_->members);
  ops_.push_back(spi::set_meta{encode_meta(meta)});
  must_persist_ = true;
}

/// Persists the hard state: epoch, completeness, declared losses, membership. Messages depend on it
/// and wait until it is durable.
void replica::put_hard_state() {
  put_meta();
  hard_state_token_ = open_token();
}

void replica::put_decision(spi::log_index index, bool commit) {
  if (ops_.empty())
    persist_at_ = now_ + decision_delay_max;
  ops_.push_back(spi::put_record{decision_stream, index, encode_decision_record(commit)});
}

void replica::put_prepare(spi::log_index index, const slot& it) {
  ops_.push_back(
      spi::put_record{prepare_stream, index, encode_prepare_record(it.epoch, it.kind, it.command)});
  accepting_.emplace_back(open_token(), index);
  must_persist_ = true;
}

void replica::on_durable(spi::persist_token token) {
  if (token > token_)
    return; // this token was never issued
  durable_ = std::max(durable_, token);
  auto progressed = commit_barrier_ != 0 && commit_barrier_ <= durable_;
  if (progressed)
    commit_barrier_ = 0;
  for (; !accepting_.empty() && accepting_.front().first <= durable_; accepting_.pop_front()) {
    accepted_ = std::max(accepted_, accepting_.front().second);
    progressed = record_own_vote(accepting_.front().second) || progressed;
  }
  if (stopped_)
    return;
  install_when_durable();
  for (; !deciding_.empty() && deciding_.front().first <= durable_; deciding_.pop_front()) {
    finalize(deciding_.front().second);
    progressed = true;
  }
  if (progressed)
    advance_decided();
}

void replica::drain(std::vector<spi::effect>& out) {
  if (!stopped_) {
    flush_prepares();
    flush_decisions();
    flush_votes();
    if (std::exchange(heartbeat_due_, false))
      send_heartbeats();
    flush_apply();
  }
  if (std::exchange(must_persist_, false) || ops_.size() > delayed_ops_max) {
    out.push_back(spi::persist{++token_, std::move(ops_)});
    ops_.clear();
  }
  std::move(effects_.begin(), effects_.end(), std::back_inserter(out));
  effects_.clear();
}

} // namespace atl::two_phase
