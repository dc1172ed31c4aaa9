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
    : simulator_{sim}, site_{sim.faults().point(fault_kind::member_changes)}, random_{0} {
  auto& rates = simulator_.rates();
  if ((!rates.member_changes && !rates.wiped_disks) || simulator_.options().spares == 0)
    return;
  stopped_ = !rates.member_changes;
  simulator_.on_admin = [this] { on_turn(); };
  simulator_.on_wipe = [this](auto& details) { return wipe_one(details); };
  simulator_.on_admin_answer = [this](const request_owner& owner, const answer& what) {
    if (owner.attempt != asked_)
      return; // of a request before: the last one may yet be committed
    waiting_ = false;
    // A change whose outcome is known settles all earlier requests as well, because they precede it
    // in the log.
    certain_ =
        what.kind == answer_kind::applied || (what.kind == answer_kind::refused && certain_before_);
    if (what.kind == answer_kind::applied) {
      ++simulator_.stats().member_changes;
      if (std::exchange(replacing_, false))
        lost_ = 0;
    }
    ask_ = what.hint;
  };
  next();
}

void admin::next() {
  auto after =
      simulator_.faults().stream(purpose::admin, site_.rng.drawn()).between(20'000, 800'000);
  simulator_.at_time(simulator_.now() + after, event_kind::admin, 0, 0);
}

/// Compares by applied index, because a replica that is still installing a snapshot does not know
/// the snapshot's members.
sim_replica& admin::best_informed() const {
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
    if (!simulator_.at(id).retired() && simulator_.at(id).belongs_to().in_group())
      out.push_back(id);
  return out;
}

void admin::on_turn() {
  auto may_ask = !waiting_ || simulator_.now() >= retry_at_;
  if (!may_ask || stopped_ || lost_ != 0) {
    site_.rng.skip(); // turns are numbered, whatever they come to
    next();
    if (may_ask && lost_ != 0)
      replace_lost();
    return;
  }
  auto details = simulator_.should_inject(site_, 1);
  next();
  if (!details)
    return;
  random_ = *details;
  if (can_lose_one() && random_.chance(0.2))
    return lose_one();
  ask_for(some_change());
}

void admin::replace_lost() {
  if (simulator_.at(lost_).belongs_to().in_group() && !simulator_.at(lost_).retired())
    return; // the replica was admitted with an empty disk, and its promises are unknown
  auto now = best_informed().members();
  std::erase(now.voters, lost_);
  std::erase(now.learners, lost_);
  for (auto id : available())
    if (!has(now.voters, id) && now.voters.size() < simulator_.birth_voters().size())
      now.voters.push_back(id);
  std::erase_if(now.learners, [&](auto id) { return has(now.voters, id); });
  replacing_ = true;
  ask_for(std::move(now));
}

/// One disk at a time, and only with three or more voters that certainly stay voters until the
/// replacement: the others then know all committed entries and remain a majority.
bool admin::can_lose_one() const {
  auto& best = best_informed();
  return simulator_.options().lose_members && lost_ == 0 && certain_ &&
         best.machine().index() == simulator_.checker().last() &&
         (!simulator_.options().lose_at_rest || at_rest(best.members())) &&
         best.members().voters.size() >= 3 && available().size() > 3;
}

spi::replica_id admin::any_voter() {
  auto& voters = best_informed().members().voters;
  return voters[random_.below(voters.size())];
}

void admin::lose_one() {
  lost_ = any_voter();
  simulator_.at(lost_).retire();
}

spi::replica_id admin::wipe_one(const spi::random_source& details) {
  if (!can_lose_one())
    return 0;
  random_ = details;
  auto victim = any_voter();
  if (is_last_founder(victim))
    return 0;
  lost_ = victim;
  simulator_.at(lost_).wipe();
  return lost_;
}

/// True if all other founders have empty disks. If this one were wiped too, and no member could be
/// reached, all founders would report no group and found a new one; only storage nodes could
/// prevent that, and the simulation has none. A retired founder never answers.
bool admin::is_last_founder(spi::replica_id id) const {
  return std::ranges::all_of(simulator_.birth_voters(), [&](auto founder) {
    auto& it = simulator_.at(founder);
    return founder == id || (!it.retired() && !it.belongs_to().in_group());
  });
}

/// Whether no request is pending and every voter has applied all that is committed.
bool admin::at_rest(const spi::members_changed& group) const {
  return std::all_of(group.voters.begin(), group.voters.end(), [this, &group](auto id) {
    auto& it = simulator_.at(id);
    if (!it.up() || it.delivered() != simulator_.checker().last() ||
        it.members().voters != group.voters)
      return false;
    auto now = it.protocol().status();
    return now.pending == 0 && now.accepted <= it.delivered();
  });
}

spi::members_changed admin::some_change() {
  auto now = best_informed().members();
  auto& random = random_;
  auto all = available();
  auto someone = all[random.below(all.size())];
  auto votes = has(now.voters, someone);
  std::erase(now.voters, someone);
  std::erase(now.learners, someone);
  switch (random.below(4)) {
  case 0: // the replica is a voter, or no longer a member
    if (!votes)
      now.voters.push_back(someone);
    break;
  case 1:
    now.learners.push_back(someone);
    break;
  case 2: // it takes another one's place
    if (!now.voters.empty())
      now.voters[random.below(now.voters.size())] = someone;
    break;
  default: // all at once
    now = {};
    for (auto id : all)
      if (random.chance(0.6))
        now.voters.push_back(id);
      else if (random.chance(0.3))
        now.learners.push_back(id);
  }
  if (now.voters.empty())
    now.voters.push_back(someone);
  std::erase_if(now.learners, [&](auto id) { return has(now.voters, id); });
  return now;
}

void admin::ask_for(spi::members_changed wanted) {
  for (auto* list : {&wanted.voters, &wanted.learners})
    for (auto id : *list)
      simulator_.at(id).start_spare();
  waiting_ = true;
  certain_before_ = std::exchange(certain_, false);
  retry_at_ = simulator_.now() + 2'000'000;
  auto to =
      ask_ != 0 ? ask_ : static_cast<spi::replica_id>(1 + random_.below(simulator_.replicas()));
  ask_ = 0;
  if (lost_ != 0)
    simulator_.at(to).declare_lost(lost_);
  simulator_.reconfigure_at(simulator_.now() + 100, to, {admin_client, ++asked_, 0, 0},
                            std::move(wanted));
}

} // namespace atl::sim
