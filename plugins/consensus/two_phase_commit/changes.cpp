#include "replica.hpp"

#include <algorithm>
#include <utility>

/// Changes of the group. Each is an entry of the log that all voters of the group before it and all
/// of the group after it vote on, but for those whose disks are lost; it stands alone: nothing is
/// open when it is proposed, and nothing is proposed behind it before it is decided.
namespace atl::two_phase {

namespace {

/// So many silences long somebody who joins may show no progress before a change is given up.
constexpr int patience = 60;

} // namespace

void replica::reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                          std::vector<spi::replica_id> learners) {
  if (!coordinator())
    return refuse_elsewhere(id);
  normalize(voters);
  normalize(learners);
  membership wanted{voters, without(std::move(learners), voters)};
  if (auto why = why_not_change(wanted))
    return refuse_proposal(id, std::move(why));
  change_ =
      pending_change{.id = id, .wanted = std::move(wanted), .target = decided_, .progress = now_};
  review_group();
  for (auto joiner : circle_)
    if (!members().votes(joiner))
      send_heartbeat(*find_peer(joiner), true); // it may never have heard of this group
  review_change();
}

replica::obstacle replica::why_not_change(const membership& wanted) const {
  if (stopped_ || phase_ != phase::serving)
    return why_not_write();
  if (change_)
    return busy("another change of the group is under way; try again");
  if (wanted.voters.empty() || wanted.all().front() == 0)
    return {"a group has at least one voter, and nobody has the id 0"};
  if (united(wanted.voters, members().voters).size() > max_voters ||
      wanted.learners.size() > max_learners)
    return {"two-phase commit takes 64 voters, those who go and those who come together, and 64 "
            "learners"};
  for (auto id : wanted.all())
    if (has(lost_, id))
      return {"replica " + std::to_string(id) +
              " was declared lost, and never comes back under this id: put a new one in its place, "
              "under an id that was never used"};
  for (auto id : without(members().voters, lost_)) {
    auto it = id == self_ ? peers_.end() : peers_.find(id);
    if (it == peers_.end() || !down(it->second))
      continue;
    if (wanted.votes(id))
      return {silence(it->second) + "; every voter must agree to a change: bring it back"};
    return {silence(it->second) +
            ", and it must vote itself: it may be cut off and go on serving "
            "reads; bring it back, or " +
            (lost_.size() < max_lost
                 ? "declare it lost"
                 : "begin a new group: this one has been told of " + std::to_string(max_lost) +
                       " losses, and takes no more")};
  }
  return {};
}

void replica::refuse_change(obstacle why) {
  refuse_proposal(std::exchange(change_, std::nullopt)->id, std::move(why));
}

/// Those who will vote and don't yet have to catch up first, while writes go on; what is left then
/// is little.
bool replica::joiners_are_close() {
  auto close = true;
  auto least = decided_;
  for (auto id : without(change_->wanted.voters, members().voters)) {
    auto it = find_peer(id);
    if (id == self_ || !it)
      continue;
    if (it->known && it->epoch > epoch_) {
      outbid(it->epoch);
      return false;
    }
    least = std::min(least, it->decided);
    close = close && it->known && it->epoch == epoch_ && it->whole && !down(*it) &&
            it->decided >= change_->target && it->decided + config_.window() / 2 >= decided_;
    if (down(*it) && now_ - change_->progress > config_.failure_timeout) {
      refuse_change({silence(*it) + ", and it is to vote"});
      return false;
    }
  }
  if (std::exchange(change_->least, least) < least)
    change_->progress = now_;
  if (close || now_ - change_->progress < patience * config_.failure_timeout)
    return close;
  refuse_change({"those who are to vote got no further than index " + std::to_string(least) +
                 " of " + std::to_string(decided_)});
  return false;
}

/// Somebody who joins has promised more to one that doesn't coordinate this group (any more), and
/// would take nothing from this coordinator.
void replica::outbid(std::uint64_t epoch) {
  for (auto index = std::max(decided_ + 1, log_.first()); index < log_.end(); ++index)
    if (is_open(index))
      abort(index, busy("the coordinator begins a new epoch; try again"));
  epoch_ = epoch + 1;
  put_standing();
  phase_ = phase::promising;
  beat_now_ = true;
  say_role();
  move_on();
}

void replica::review_change() {
  if (!change_ || change_->index != 0 || phase_ != phase::serving)
    return;
  if (change_->waits) {
    if (!joiners_are_close()) {
      if (!change_)
        review_group(); // it was refused
      return;
    }
    change_->waits = false;
  }
  auto open = std::max(log_.last(), decided_) > decided_;
  if (!open)
    propose_change();
}

void replica::propose_change() {
  auto wanted = change_->wanted;
  set_electors(without(united(members().voters, wanted.voters), lost_));
  change_->index = decided_ + 1;
  append(change_->id, entry_kind::change, encode(change_entry{std::move(wanted), lost_}));
}

} // namespace atl::two_phase
