#include "replica.hpp"

#include <algorithm>
#include <utility>

/// Membership changes. A change is a log entry that needs the votes of all voters before it and all
/// voters after it, except those declared lost. It is exclusive: no other entry is open when it is
/// proposed, and none is proposed after it until it is decided.
namespace atl::two_phase {

namespace {

/// A change is given up when a joining replica makes no progress for this many times
/// `failure_timeout`.
constexpr int joiner_timeouts_max = 60;

} // namespace

void replica::reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                          std::vector<spi::replica_id> learners) {
  if (!is_coordinator())
    return redirect_to_coordinator(id);
  normalize(voters);
  normalize(learners);
  membership wanted{voters, without(std::move(learners), voters)};
  if (auto why = change_refusal_reason(wanted))
    return refuse_proposal(id, std::move(why));
  change_ = pending_change{
      .id = id, .wanted = std::move(wanted), .target = decided_, .progressed_at = now_};
  on_group_changed();
  for (auto joiner : active_peers_)
    if (!members().is_voter(joiner))
      send_heartbeat(*find_peer(joiner), true); // a joining replica may not know this group yet
  advance_change();
}

obstacle replica::change_refusal_reason(const membership& wanted) const {
  if (stopped_ || phase_ != phase::serving)
    return write_refusal_reason();
  if (change_)
    return busy("another change of the group is under way; try again");
  if (wanted.voters.empty() || wanted.all().front() == 0)
    return {"a group needs at least one voter, and replica ids are above 0"};
  if (union_of(wanted.voters, members().voters).size() > voters_max ||
      wanted.learners.size() > learners_max)
    return {"two-phase commit allows 64 voters, old and new ones counted together, and 64 "
            "learners"};
  for (auto id : wanted.all())
    if (has(declared_lost_, id))
      return {"replica " + std::to_string(id) +
              " was declared lost and must not come back under this id: add a replica "
              "under an id that was never used"};
  for (auto id : without(members().voters, declared_lost_)) {
    auto it = id == self_ ? peers_.end() : peers_.find(id);
    if (it == peers_.end() || !is_down(it->second))
      continue;
    if (wanted.is_voter(id))
      return {describe_silence(it->second) +
              "; every voter must vote for a change: bring the replica back"};
    return {describe_silence(it->second) +
            ", and its own vote is required, because it may be partitioned and still "
            "serving reads: bring the replica back, or " +
            (declared_lost_.size() < lost_max
                 ? "declare it lost"
                 : "create a new group: this one has reached the limit of " +
                       std::to_string(lost_max) + " declared losses")};
  }
  return {};
}

void replica::refuse_change(obstacle why) {
  refuse_proposal(std::exchange(change_, std::nullopt)->id, std::move(why));
}

/// Joining voters catch up before the change is proposed; writes are accepted meanwhile, and
/// proposals are blocked only for the short remainder.
/// @returns whether all joining voters have caught up. May refuse the change.
bool replica::have_joiners_caught_up() {
  auto close = true;
  auto least = decided_;
  for (auto id : without(change_->wanted.voters, members().voters)) {
    auto it = find_peer(id);
    if (id == self_ || !it)
      continue;
    if (it->known && it->epoch > epoch_) {
      raise_epoch(it->epoch);
      return false;
    }
    least = std::min(least, it->decided);
    close = close && it->known && it->epoch == epoch_ && it->complete && !is_down(*it) &&
            it->decided >= change_->target && it->decided + config_.window() / 2 >= decided_;
    if (is_down(*it) && now_ - change_->progressed_at > config_.failure_timeout) {
      refuse_change({describe_silence(*it) + ", and the change makes it a voter"});
      return false;
    }
  }
  if (std::exchange(change_->joiners_decided, least) < least)
    change_->progressed_at = now_;
  if (close || now_ - change_->progressed_at < joiner_timeouts_max * config_.failure_timeout)
    return close;
  refuse_change({"the replicas that would become voters reached only index " +
                 std::to_string(least) + " of " + std::to_string(decided_)});
  return false;
}

/// Begins an epoch above `epoch`, which a joining replica has promised to a coordinator of another
/// or an earlier group: it would reject this coordinator's messages otherwise.
void replica::raise_epoch(std::uint64_t epoch) {
  for (auto index = std::max(decided_ + 1, log_.first()); index < log_.end(); ++index)
    if (is_open(index))
      abort(index, busy("the coordinator begins a new epoch; try again"));
  epoch_ = epoch + 1;
  put_hard_state();
  phase_ = phase::promising;
  heartbeat_due_ = true;
  publish_role();
  advance_phase();
}

void replica::advance_change() {
  if (!change_ || change_->index != 0 || phase_ != phase::serving)
    return;
  if (change_->waits_for_joiners) {
    if (!have_joiners_caught_up()) {
      if (!change_)
        on_group_changed(); // the change was refused
      return;
    }
    change_->waits_for_joiners = false;
  }
  auto open = std::max(log_.last(), decided_) > decided_;
  if (!open)
    propose_change();
}

void replica::propose_change() {
  auto wanted = change_->wanted;
  set_quorum(without(union_of(members().voters, wanted.voters), declared_lost_));
  change_->index = decided_ + 1;
  append(change_->id, entry_kind::change, encode(change_entry{std::move(wanted), declared_lost_}));
}

} // namespace atl::two_phase
