#include "replica.hpp"

#include <algorithm>
#include <utility>

/// Membership, and the choice of the coordinator: the voter with the lowest id that is not declared
/// lost.
namespace atl::two_phase {

spi::replica_id replica::lowest(const membership& of) const {
  for (auto id : of.voters)
    if (!has(declared_lost_, id))
      return id;
  return 0;
}

bool replica::is_member() const {
  return latest_group_.group.contains(self_) || members().contains(self_);
}

/// Peers may report a newer membership than this replica's log holds. A replica becomes coordinator
/// only when its own log says so, and steps down as soon as a peer reports otherwise.
bool replica::should_coordinate() const {
  return !stopped_ && leader_id() == self_ && (!complete_ || lowest(members()) == self_);
}

std::vector<spi::replica_id> replica::other_voters() const {
  auto out = without(known_group().voters, declared_lost_);
  std::erase(out, self_);
  return out;
}

/// The change that is prepared here and in doubt. There is at most one, because nothing is proposed
/// after a change until it is decided.
std::optional<change_entry> replica::change_in_doubt() const {
  for (auto index = log_.last(); index > decided_ && index >= log_.first(); --index)
    if (auto it = log_.find(index);
        it && it->kind == entry_kind::change && it->has_command && !it->decided())
      return decode_change(it->command);
  return std::nullopt;
}

peer* replica::find_peer(spi::replica_id id) {
  auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : &found->second;
}

peer* replica::find_or_add_peer(spi::replica_id id) {
  if (auto known = find_peer(id))
    return known;
  if (id == 0 || id == self_ || peers_.size() >= peers_max)
    return nullptr;
  return &peers_.emplace(id, peer{.id = id}).first->second;
}

/// Forgets peers that are not members and are silent.
void replica::forget_silent_nonmembers() {
  if (peers_.size() > peers_max / 2)
    std::erase_if(peers_,
                  [this](auto& it) { return !has(active_peers_, it.first) && is_down(it.second); });
}

void replica::update_active_peers() {
  auto all = union_of(latest_group_.group.all(), members().all());
  if (change_)
    all = union_of(all, change_->wanted.all());
  if (auto in_doubt = change_in_doubt())
    all = union_of(all, in_doubt->group.all());
  active_peers_ = without(std::move(all), declared_lost_);
  std::erase(active_peers_, self_);
  for (auto id : active_peers_)
    peers_.emplace(id, peer{.id = id});
}

void replica::publish_members() {
  if (members() == published_members_)
    return;
  published_members_ = members();
  effects_.push_back(spi::members_changed{published_members_.voters, published_members_.learners});
}

/// Adjusts the role and the peers to the membership; must be called after every change of what this
/// replica knows about it.
void replica::on_group_changed() {
  if (stopped_)
    return;
  publish_members();
  update_active_peers();
  auto should = should_coordinate();
  if (should && !coordinating_)
    become_coordinator();
  else if (!should && coordinating_)
    become_participant();
  if (!is_voter())
    refuse_reads();
}

/// A new coordinator has to find out what its predecessor decided.
void replica::become_coordinator() {
  coordinating_ = true;
  take_over();
}

void replica::become_participant() {
  coordinating_ = needs_collect_ = false;
  was_participant_ = true;
  phase_ = phase::serving;
  fetch_.outstanding = false;
  collect_blocked_reason_.clear();
  new_prepares_.clear();
  abort_reasons_.clear();
  if (change_ && change_->index == 0)
    refuse_change(busy("another replica now coordinates this group; try again"));
  change_.reset();
  for (auto index = std::max(decided_ + 1, log_.first()); index < log_.end(); ++index) {
    auto it = log_.find(index);
    if (it->id == 0 || it->decided())
      continue;
    effects_.push_back(spi::refuse{std::exchange(it->id, 0), spi::refusal::unknown, 0,
                                   "another replica now coordinates this group"});
  }
  put_hard_state();
  publish_role();
}

// -- decided memberships ----------------------------------------------------------------------

/// Adopts the membership of a snapshot, which replaces all earlier ones.
void replica::adopt_group(const effective_membership& it) {
  groups_.erase(groups_.begin(), groups_.upper_bound(it.index));
  groups_.insert_or_assign(it.index, it.group);
  if (latest_group_.index < members_since())
    latest_group_ = {members_since(), members()};
}

/// Applies a committed change.
void replica::take_effect(spi::log_index index, const change_entry& entry) {
  if (index <= members_since())
    return;
  groups_.emplace(index, entry.group);
  if (latest_group_.index < index)
    latest_group_ = {index, entry.group};
  add_lost(entry.lost);
  put_hard_state();
  commit_barrier_ = hard_state_token_;
  if (coordinating_)
    set_quorum(members().voters);
  on_group_changed();
}

// -- declared losses ---------------------------------------------------------------------------

bool replica::add_lost(const std::vector<spi::replica_id>& ids) {
  auto before = declared_lost_.size();
  auto all = union_of(declared_lost_, ids);
  if (all.size() == before || all.size() > lost_max || has(all, self_))
    return false;
  auto fresh = without(std::move(all), declared_lost_);
  declared_lost_ = union_of(declared_lost_, fresh);
  for (auto id : fresh)
    if (auto it = find_peer(id)) {
      if (fetch_.to == id)
        fetch_.outstanding = false;
      if (coordinating_)
        abort_open(*it, false, "replica " + std::to_string(id) + " was declared lost");
    }
  put_hard_state();
  heartbeat_due_ = true;
  return true;
}

/// Messages of the lost replica are rejected from now on. The declaration is durable before any
/// message that depends on it is sent.
void replica::declare_lost(spi::replica_id id) {
  if (!stopped_ && id != 0 && add_lost({id}))
    on_group_changed();
}

// -- votes --------------------------------------------------------------------------------------

/// Reassigns the vote bits; allowed only when no entry is open, or no open entry has votes.
void replica::set_quorum(std::vector<spi::replica_id> ids) {
  quorum_ = std::move(ids);
  all_votes_ = quorum_.size() >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << quorum_.size()) - 1;
}

/// @returns 0 when the replica is not a quorum member.
std::uint64_t replica::bit_of(spi::replica_id id) const {
  auto found = std::lower_bound(quorum_.begin(), quorum_.end(), id);
  if (found == quorum_.end() || *found != id || found - quorum_.begin() >= 64)
    return 0;
  return std::uint64_t{1} << (found - quorum_.begin());
}

} // namespace atl::two_phase
