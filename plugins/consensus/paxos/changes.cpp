#include "replica.hpp"

#include <algorithm>
#include <bit>
#include <utility>

/// Changes of the group, and snapshots. The group after all committed entries counts: everything up
/// to a change says who decides on what follows.
namespace atl::paxos {

// -- members ----------------------------------------------------------------------------------

std::size_t replica::prepare_quorum() const {
  return config_.quorums.to_prepare(members_.current().voters.size());
}
std::size_t replica::accept_quorum() const {
  return config_.quorums.to_accept(members_.current().voters.size());
}

/// Replicas that the last change removed may be the only ones that know of it: without a leader
/// they campaign too, to tell the others.
bool replica::can_campaign() const {
  if (members_.current().votes(self_))
    return true;
  auto newest = members_.newest_change();
  return newest != 0 && !is_successor_group_active_ && members_.at(newest - 1).votes(self_);
}

void replica::on_members_published() {
  is_successor_group_active_ = false;
  if (auto* it = std::get_if<leader>(&role_))
    update_peers(*it);
}

/// Peers are the members of the group, and of the one that is proposed. Each has a bit of its own
/// in `slot::accepted_by`.
void replica::update_peers(leader& it) {
  auto all = members_.current().all();
  if (it.change_proposed > commit_) {
    auto wanted = members_codec.decode(log_.at(it.change_proposed).value.body)->all();
    all.insert(all.end(), wanted.begin(), wanted.end());
    leader_based::normalize(all);
  }
  std::erase(all, self_);
  auto is_gone = [&](auto& peer) {
    return !std::binary_search(all.begin(), all.end(), peer.first);
  };
  std::erase_if(it.peers, is_gone);
  if (std::erase_if(it.acceptors, is_gone) > 0) // their bits are given to others
    for (auto index = commit_ + 1; index <= log_.last(); ++index)
      log_.at(index).accepted_by = 0;
  std::uint64_t used = 0;
  for (auto& [id, acceptor] : it.acceptors)
    used |= acceptor.bit;
  it.voters_mask = 0;
  for (auto id : all) {
    it.peers[id];
    auto& acceptor = it.acceptors[id];
    if (acceptor.bit == 0)
      acceptor.bit = std::uint64_t{1} << std::countr_one(used);
    used |= acceptor.bit;
    if (members_.current().votes(id))
      it.voters_mask |= acceptor.bit;
  }
  it.heartbeat_wanted = true;
}

/// A group takes over when a quorum of it has everything; then members that leave may go.
bool replica::can_take_over(const leader& it, const membership& group, spi::log_index index) const {
  std::size_t count = 0;
  for (auto id : group.voters) {
    auto peer = it.peers.find(id);
    count += id == self_ ? it.own_durable >= index
                         : peer != it.peers.end() && peer->second.log.match() >= index;
  }
  return count >= config_.quorums.to_accept(group.voters.size());
}

void replica::reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                          std::vector<spi::replica_id> learners) {
  if (stopped_)
    return;
  if (auto it = obstacle_to_propose_now())
    return refuse(id, std::move(it));
  auto wanted = requested_group(std::move(voters), std::move(learners));
  if (!wanted)
    return refuse(id, {"a group has 1 to 32 members, none of them 0, and at least one votes"});
  if (auto why = config_.quorums.refusal(wanted->voters.size()); !why.empty())
    return refuse(id, {std::move(why)});
  auto& it = std::get<leader>(role_);
  it.change_id = id;
  propose_value(it, {value_type::members, members_codec.encode(*wanted)}, 0);
}

// -- snapshots --------------------------------------------------------------------------------

/// A replica that was removed may be the only one that knows of it, and must remember until
/// something after the change is committed, which shows that the others know.
spi::log_index replica::cut_limit() const {
  if (!members_.current().votes(self_) && can_campaign() && commit_ == members_.newest_change())
    return std::min(applied_, commit_ - 1);
  return applied_;
}

std::string replica::snapshot_blob(spi::log_index index) const {
  return members_codec.encode(members_.at(index));
}

std::optional<replica::pending_snapshot> replica::decode_snapshot(std::string_view blob) const {
  auto group = members_codec.decode(blob);
  if (!group)
    return std::nullopt;
  pending_snapshot it;
  it.members = std::move(*group);
  return it;
}

/// What was accepted after the snapshot stays: it is a promise.
void replica::on_snapshot_installed(pending_snapshot installed) {
  auto index = installed.index;
  // Other replicas have led meanwhile, perhaps another group: the promises that this one has don't
  // suffice.
  if (leading() || std::holds_alternative<candidate>(role_))
    step_down("this replica was behind, and took a snapshot over");
  refuse_as_unknown(log_, delivered_ + 1, index,
                    "a snapshot replaced the entry, so its outcome is unknown");
  outbox_.erase(log_.base() + 1, index);
  log_.cut(index);
  members_.rebase(index, std::move(installed.members));
  damaged_.erase(damaged_.begin(), damaged_.upper_bound(index));
  verified_ = std::max(verified_, index);
}

} // namespace atl::paxos
