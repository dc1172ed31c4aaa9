#include "administrator.hpp"

#include <algorithm>
#include <utility>

namespace atl::sim {

namespace {

bool has(const std::vector<spi::replica_id>& list, spi::replica_id id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

} // namespace

admin::admin(simulator& sim)
    : simulator_{sim}, point_{sim.faults().point(fault_kind::member_changes)}, random_{0} {
  auto& rates = simulator_.rates();
  if ((!rates.member_changes && !rates.wiped_disks) || simulator_.options().spares == 0)
    return;
  stopped_ = !rates.member_changes;
  simulator_.on_admin = [this] { on_turn(); };
  simulator_.on_wipe = [this](auto& details) { return wipe_one(details); };
  simulator_.on_admin_answer = [this](const request_owner& owner, const answer& what) {
    if (owner.attempt != requests_made_)
      return; // the answer to an earlier request: the latest request may still be committed
    waiting_ = false;
    // A change whose outcome is known settles all earlier requests as well, because they precede it
    // in the log.
    certain_ =
        what.kind == answer_kind::applied || (what.kind == answer_kind::refused && was_certain_);
    if (what.kind == answer_kind::applied) {
      ++simulator_.stats().member_changes;
      if (std::exchange(replacing_, false))
        lost_ = 0;
    }
    next_target_ = what.hint;
  };
  schedule_next();
}

void admin::schedule_next() {
  auto after =
      simulator_.faults().stream(purpose::admin, point_.rng.drawn()).between(20'000, 800'000);
  simulator_.at_time(simulator_.now() + after, event_kind::admin, 0, 0);
}

/// Compares by applied index, because a replica that is still installing a snapshot does not know
/// the snapshot's members.
sim_replica& admin::most_advanced_replica() const {
  auto* best = &simulator_.at(1);
  for (spi::replica_id id = 1; id <= simulator_.replicas(); ++id) {
    auto& it = simulator_.at(id);
    if (it.up() && (!best->up() || it.machine().index() > best->machine().index()))
      best = &it;
  }
  return *best;
}

std::vector<spi::replica_id> admin::available() const {
  std::vector<spi::replica_id> out;
  for (spi::replica_id id = 1; id <= simulator_.replicas(); ++id)
    if (!simulator_.at(id).is_decommissioned() && simulator_.at(id).group_membership().in_group())
      out.push_back(id);
  return out;
}

void admin::on_turn() {
  auto can_request = !waiting_ || simulator_.now() >= retry_at_;
  if (!can_request || stopped_ || lost_ != 0) {
    point_.rng.skip(); // each turn has a number, whether or not a change follows
    schedule_next();
    if (can_request && lost_ != 0)
      replace_lost();
    return;
  }
  auto details = simulator_.should_inject(point_, 1);
  schedule_next();
  if (!details)
    return;
  random_ = *details;
  if (can_lose_voter() && random_.chance(0.2))
    return lose_voter();
  request_change(draw_change());
}

void admin::replace_lost() {
  if (simulator_.at(lost_).group_membership().in_group() &&
      !simulator_.at(lost_).is_decommissioned())
    return; // the replica was admitted with an empty disk, and its promises are unknown
  auto now = most_advanced_replica().members();
  std::erase(now.voters, lost_);
  std::erase(now.learners, lost_);
  for (auto id : available())
    if (!has(now.voters, id) && now.voters.size() < simulator_.birth_voters().size())
      now.voters.push_back(id);
  std::erase_if(now.learners, [&](auto id) { return has(now.voters, id); });
  replacing_ = true;
  request_change(std::move(now));
}

/// One disk at a time, and only with three or more voters that certainly stay voters until the
/// replacement: the others then know all committed entries and remain a majority.
bool admin::can_lose_voter() const {
  auto& best = most_advanced_replica();
  return simulator_.options().lose_members && lost_ == 0 && certain_ &&
         best.machine().index() == simulator_.checker().last() &&
         (!simulator_.options().lose_at_rest || is_at_rest(best.members())) &&
         best.members().voters.size() >= 3 && available().size() > 3;
}

spi::replica_id admin::draw_voter() {
  auto& voters = most_advanced_replica().members().voters;
  return voters[random_.below(voters.size())];
}

void admin::lose_voter() {
  lost_ = draw_voter();
  simulator_.at(lost_).decommission();
}

spi::replica_id admin::wipe_one(const spi::random_source& details) {
  if (!can_lose_voter())
    return 0;
  random_ = details;
  auto victim = draw_voter();
  if (is_last_founder(victim))
    return 0;
  lost_ = victim;
  simulator_.at(lost_).wipe();
  return lost_;
}

/// True if all other founders have empty disks. If this founder were wiped too, and no member could
/// be reached, all founders would report no group and found a new one; only storage nodes could
/// prevent that, and the simulation has none. A retired founder never answers.
bool admin::is_last_founder(spi::replica_id id) const {
  return std::ranges::all_of(simulator_.birth_voters(), [&](auto founder) {
    auto& it = simulator_.at(founder);
    return founder == id || (!it.is_decommissioned() && !it.group_membership().in_group());
  });
}

/// Whether no request is pending and every voter has applied all that is committed.
bool admin::is_at_rest(const spi::members_changed& group) const {
  return std::all_of(group.voters.begin(), group.voters.end(), [this, &group](auto id) {
    auto& it = simulator_.at(id);
    if (!it.up() || it.delivered() != simulator_.checker().last() ||
        it.members().voters != group.voters)
      return false;
    auto now = it.protocol().status();
    return now.pending == 0 && now.accepted <= it.delivered();
  });
}

spi::members_changed admin::draw_change() {
  auto now = most_advanced_replica().members();
  auto& random = random_;
  auto all = available();
  auto chosen = all[random.below(all.size())];
  auto votes = has(now.voters, chosen);
  std::erase(now.voters, chosen);
  std::erase(now.learners, chosen);
  switch (random.below(4)) {
  case 0: // the replica is a voter, or no longer a member
    if (!votes)
      now.voters.push_back(chosen);
    break;
  case 1:
    now.learners.push_back(chosen);
    break;
  case 2: // the replica takes the place of a voter
    if (!now.voters.empty())
      now.voters[random.below(now.voters.size())] = chosen;
    break;
  default: // all members change at once
    now = {};
    for (auto id : all)
      if (random.chance(0.6))
        now.voters.push_back(id);
      else if (random.chance(0.3))
        now.learners.push_back(id);
  }
  if (now.voters.empty())
    now.voters.push_back(chosen);
  std::erase_if(now.learners, [&](auto id) { return has(now.voters, id); });
  return now;
}

void admin::request_change(spi::members_changed wanted) {
  for (auto* list : {&wanted.voters, &wanted.learners})
    for (auto id : *list)
      simulator_.at(id).start_spare();
  waiting_ = true;
  was_certain_ = std::exchange(certain_, false);
  retry_at_ = simulator_.now() + 2'000'000;
  auto to = next_target_ != 0
                ? next_target_
                : static_cast<spi::replica_id>(1 + random_.below(simulator_.replicas()));
  next_target_ = 0;
  if (lost_ != 0)
    simulator_.at(to).declare_lost(lost_);
  simulator_.reconfigure_at(simulator_.now() + 100, to, {admin_client, ++requests_made_, 0, 0},
                            std::move(wanted));
}

} // namespace atl::sim
