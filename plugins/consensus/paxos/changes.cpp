#include "replica.hpp"

#include <algorithm>
#include <bit>
#include <utility>

/// Changes of the group, and snapshots.
namespace atl::paxos {

namespace {

void normalize(std::vector<spi::replica_id>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

} // namespace

// -- members ----------------------------------------------------------------------------------

/// Of the index behind all that is committed here.
const membership& replica::members() const {
  return changes_.empty() ? base_members_ : changes_.rbegin()->second;
}

membership replica::members_at(spi::log_index index) const {
  auto behind = changes_.upper_bound(index);
  return behind == changes_.begin() ? base_members_ : std::prev(behind)->second;
}

std::size_t replica::prepare_quorum() const {
  return config_.quorums.to_prepare(members().voters.size());
}
std::size_t replica::accept_quorum() const {
  return config_.quorums.to_accept(members().voters.size());
}

void replica::publish_members() {
  if (members() == published_members_)
    return;
  published_members_ = members();
  effects_.push_back(spi::members_changed{published_members_.voters, published_members_.learners});
  is_successor_group_active_ = false;
  if (role_ == role::leader)
    update_peers();
}

/// Peers are those of the group, and of the one that is proposed: each has a bit of its own in what
/// was accepted by whom.
void replica::update_peers() {
  auto all = members().all();
  if (change_proposed_ > committed_) {
    auto wanted = decode_membership(log_.at(change_proposed_).value.body)->all();
    all.insert(all.end(), wanted.begin(), wanted.end());
    normalize(all);
  }
  std::erase(all, self_);
  auto gone = std::erase_if(
      peers_, [&](auto& peer) { return !std::binary_search(all.begin(), all.end(), peer.first); });
  if (gone > 0) // their bits go to others
    for (auto at = committed_ + 1; at <= log_.last(); ++at)
      log_.at(at).accepted_by = 0;
  std::uint64_t used = 0;
  for (auto& [id, it] : peers_)
    used |= it.bit;
  voters_mask_ = 0;
  for (auto id : all) {
    auto& it = peers_[id];
    if (it.bit == 0)
      it.bit = std::uint64_t{1} << std::countr_one(used);
    used |= it.bit;
    if (members().votes(id))
      voters_mask_ |= it.bit;
  }
  heartbeat_wanted_ = true;
}

/// A group takes over only when a quorum of it has everything: then those who leave may go.
bool replica::can_take_over(const membership& group, spi::log_index index) const {
  std::size_t count = 0;
  for (auto id : group.voters) {
    auto peer = peers_.find(id);
    count += id == self_ ? own_durable_ >= index
                         : peer != peers_.end() && peer->second.log.match() >= index;
  }
  return count >= config_.quorums.to_accept(group.voters.size());
}

/// Those that the last change put out may be the only ones who know of it: when nobody leads, they
/// stand too, to tell the others.
bool replica::can_campaign() const {
  if (members().votes(self_))
    return true;
  return !changes_.empty() && !is_successor_group_active_ &&
         members_at(changes_.rbegin()->first - 1).votes(self_);
}

void replica::reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                          std::vector<spi::replica_id> learners) {
  if (stopped_)
    return;
  auto refuse = [&](std::string why) {
    effects_.push_back(spi::refuse{id, spi::refusal::not_proposed,
                                   role_ == role::leader ? 0 : leader_, std::move(why)});
  };
  normalize(voters);
  normalize(learners);
  std::erase_if(learners,
                [&](auto it) { return std::binary_search(voters.begin(), voters.end(), it); });
  if (auto why = refusal_to_propose(); !why.empty())
    return refuse(std::move(why));
  if (voters.empty() || voters.size() + learners.size() > max_members || voters.front() == 0)
    return refuse("a group has 1 to 32 members, none of them 0, and at least one votes");
  if (auto why = config_.quorums.refusal(voters.size()); !why.empty())
    return refuse(std::move(why));
  change_id_ = id;
  propose_value({value_type::members, encode(membership{std::move(voters), std::move(learners)})},
                0);
}

// -- snapshots --------------------------------------------------------------------------------

std::string replica::snapshot_blob(spi::log_index index) const {
  return encode(members_at(index));
}

void replica::on_snapshot_sent(spi::replica_id to, bool) {
  // Whether it arrived shows in the other one's answers; if not, it is tried again.
  if (auto peer = peers_.find(to); peer != peers_.end()) {
    peer->second.snapshot_under_way = false;
    peer->second.next_snapshot_at = now_ + config_.election_timeout;
  }
}

void replica::on_snapshot_received(spi::log_index index, std::string_view blob) {
  if (stopped_ || (snapshot_ && snapshot_->asked))
    return;
  // The host keeps the newest it received, so one that waits to be installed is gone.
  if (std::exchange(snapshot_, std::nullopt))
    put_meta();
  auto group = decode_membership(blob);
  if (!group)
    ++dropped_;
  if (!group || index <= committed_)
    return deliver();
  snapshot_ = {index, std::move(*group), token_ + 1, false}; // the next persist carries it
  put_meta();
}

/// What was accepted behind the snapshot stays: it is a promise kept.
void replica::on_installed(spi::log_index index) {
  if (stopped_ || !snapshot_ || snapshot_->index != index)
    return;
  // Others have led meanwhile, perhaps of another group: what this one has of promises isn't
  // enough.
  if (role_ == role::leader || role_ == role::candidate)
    step_down("this replica was behind, and took a snapshot over");
  for (auto at = delivered_ + 1; at <= std::min(index, log_.last()); ++at)
    if (auto id = std::exchange(log_.at(at).id, 0))
      effects_.push_back(spi::refuse{id, spi::refusal::unknown, 0,
                                     "a snapshot took the place of what became of it"});
  base_members_ = std::move(snapshot_->members);
  snapshot_.reset();
  ops_.push_back(spi::erase_records{log_stream, log_.base() + 1, index});
  log_.cut(index);
  changes_.erase(changes_.begin(), changes_.upper_bound(index));
  damaged_.erase(damaged_.begin(), damaged_.upper_bound(index));
  committed_ = std::max(committed_, index);
  verified_ = std::max(verified_, index);
  delivered_ = applied_ = index;
  put_meta();
  publish_members();
  deliver();
}

} // namespace atl::paxos
