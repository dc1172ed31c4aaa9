#include "replica.hpp"

#include <algorithm>
#include <utility>

/// Who belongs to the group, and who coordinates it: of the voters whose disks aren't lost, the one
/// with the lowest id.
namespace atl::two_phase {

spi::replica_id replica::lowest(const membership& of) const {
  for (auto id : of.voters)
    if (!has(lost_, id))
      return id;
  return 0;
}

/// Others may know of a newer group than this replica's log does. It doesn't coordinate before it
/// knows for itself, and stops as soon as it hears.
bool replica::should_coordinate() const {
  return !stopped_ && leader_id() == self_ && (!whole_ || lowest(members()) == self_);
}

std::vector<spi::replica_id> replica::other_voters() const {
  auto out = without(view().voters, lost_);
  std::erase(out, self_);
  return out;
}

/// A change that is prepared here, and neither known to be decided nor to be aborted. There is one
/// at most, for nothing is proposed behind it.
std::optional<change_entry> replica::doubtful_change() const {
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

peer* replica::meet_peer(spi::replica_id id) {
  if (auto known = find_peer(id))
    return known;
  if (id == 0 || id == self_ || peers_.size() >= max_peers)
    return nullptr;
  return &peers_.emplace(id, peer{.id = id}).first->second;
}

/// Those that are no members, and silent.
void replica::forget_strangers() {
  if (peers_.size() > max_peers / 2)
    std::erase_if(peers_, [this](auto& it) { return !has(circle_, it.first) && down(it.second); });
}

void replica::renew_circle() {
  auto all = united(heard_.group.all(), members().all());
  if (change_)
    all = united(all, change_->wanted.all());
  if (auto doubtful = doubtful_change())
    all = united(all, doubtful->group.all());
  circle_ = without(std::move(all), lost_);
  std::erase(circle_, self_);
  for (auto id : circle_)
    peers_.emplace(id, peer{.id = id});
}

void replica::say_members() {
  if (members() == said_)
    return;
  said_ = members();
  effects_.push_back(spi::members_changed{said_.voters, said_.learners});
}

/// To be called whenever something changed of what the group is, as this replica knows it.
void replica::review_group() {
  if (stopped_)
    return;
  say_members();
  renew_circle();
  auto should = should_coordinate();
  if (should && !coordinating_)
    become_coordinator();
  else if (!should && coordinating_)
    become_participant();
  if (!votes())
    refuse_reads();
}

/// Whatever the one before it has decided, this one has to find out.
void replica::become_coordinator() {
  coordinating_ = true;
  take_over();
}

void replica::become_participant() {
  coordinating_ = needs_gather_ = false;
  follows_ = true;
  phase_ = phase::serving;
  fetch_.outstanding = false;
  gather_reason_.clear();
  new_prepares_.clear();
  abort_reasons_.clear();
  if (change_ && change_->index == 0)
    refuse_change(busy("another replica coordinates this group by now; try again"));
  change_.reset();
  for (auto index = std::max(decided_ + 1, log_.first()); index < log_.end(); ++index) {
    auto it = log_.find(index);
    if (it->id == 0 || it->decided())
      continue;
    effects_.push_back(spi::refuse{std::exchange(it->id, 0), spi::refusal::unknown, 0,
                                   "another replica coordinates this group by now"});
  }
  put_standing();
  say_role();
}

// -- what is decided of it ----------------------------------------------------------------------

/// What is decided of the group up to some index, from a snapshot.
void replica::adopt_group(const placed_membership& it) {
  groups_.erase(groups_.begin(), groups_.upper_bound(it.index));
  groups_.insert_or_assign(it.index, it.group);
  if (heard_.index < members_since())
    heard_ = {members_since(), members()};
}

/// A change is decided.
void replica::take_effect(spi::log_index index, const change_entry& entry) {
  if (index <= members_since())
    return;
  groups_.emplace(index, entry.group);
  if (heard_.index < index)
    heard_ = {index, entry.group};
  add_lost(entry.lost);
  put_standing();
  gate_ = standing_token_;
  if (coordinating_)
    set_electors(members().voters);
  review_group();
}

// -- who is gone for good -----------------------------------------------------------------------

bool replica::add_lost(const std::vector<spi::replica_id>& ids) {
  auto before = lost_.size();
  auto all = united(lost_, ids);
  if (all.size() == before || all.size() > max_lost || has(all, self_))
    return false;
  auto fresh = without(std::move(all), lost_);
  lost_ = united(lost_, fresh);
  for (auto id : fresh)
    if (auto it = find_peer(id)) {
      if (fetch_.to == id)
        fetch_.outstanding = false;
      if (coordinating_)
        abort_open(*it, false, "replica " + std::to_string(id) + " was declared lost");
    }
  put_standing();
  beat_now_ = true;
  return true;
}

/// From now on nothing that comes from it is taken; that is durable before anything that follows
/// from it.
void replica::declare_lost(spi::replica_id id) {
  if (!stopped_ && id != 0 && add_lost({id}))
    review_group();
}

// -- votes --------------------------------------------------------------------------------------

/// Only when nothing is open, or what is open has no votes yet: bits are given out anew.
void replica::set_electors(std::vector<spi::replica_id> ids) {
  electors_ = std::move(ids);
  everybody_ =
      electors_.size() >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << electors_.size()) - 1;
}

/// 0: it has no vote.
std::uint64_t replica::bit_of(spi::replica_id id) const {
  auto found = std::lower_bound(electors_.begin(), electors_.end(), id);
  if (found == electors_.end() || *found != id || found - electors_.begin() >= 64)
    return 0;
  return std::uint64_t{1} << (found - electors_.begin());
}

} // namespace atl::two_phase
