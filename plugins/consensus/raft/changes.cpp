#include "replica.hpp"

#include <algorithm>
#include <utility>

/// Changes of the group, and snapshots. The newest group in the log counts, committed or not:
/// otherwise majorities of the old and the new group need not overlap.
namespace atl::raft {

// -- members ----------------------------------------------------------------------------------

/// A replica that was removed from the group may be the only one with the entry that says so, so it
/// may lead until that entry is committed (dissertation, 4.2.2).
bool replica::can_campaign() const {
  if (members_.current().votes(self_))
    return true;
  auto newest = members_.newest_change();
  return newest > commit_ && members_.at(newest - 1).votes(self_);
}

void replica::on_members_published() {
  auto* it = std::get_if<leader>(&role_);
  if (!it)
    return;
  auto all = members_.current().all();
  for (auto id : all)
    if (id != self_ && !it->peers.contains(id)) // its response to the change tells what it lacks
      it->peers[id].log = leader_based::inflight_window{log_.last()};
  std::erase_if(it->peers, [&](auto& peer) {
    return !std::binary_search(all.begin(), all.end(), peer.first);
  });
  it->heartbeat_wanted = true;
}

/// A new leader must have committed an entry of its own (Ongaro's correction of 2015).
replica::obstacle replica::obstacle_to_change() const {
  auto* it = std::get_if<leader>(&role_);
  if (auto other = obstacle_to_propose(it))
    return other;
  if (commit_ < it->term_start)
    return {"the leader is new and hasn't committed anything yet; try again", spi::refusal::busy};
  if (it->change != 0 || members_.current().is_joint() || members_.newest_change() > commit_)
    return {"another change of the group is under way; try again", spi::refusal::busy};
  return {};
}

void replica::reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                          std::vector<spi::replica_id> learners) {
  if (stopped_)
    return;
  if (auto it = obstacle_to_change())
    return refuse(id, std::move(it));
  auto wanted = requested_group(std::move(voters), std::move(learners));
  if (!wanted)
    return refuse(id, {"a group has 1 to 64 members, none of them 0, and at least one votes"});
  auto& old_voters = members_.current().voters;
  if (wanted->voters == old_voters) { // learners decide nothing, so one step is enough
    append({term_, entry_type::members, members_codec.encode(*wanted), id});
  } else {
    std::get<leader>(role_).change = id;
    wanted->old_voters = old_voters;
    append({term_, entry_type::members, members_codec.encode(*wanted), 0});
  }
  publish_members();
}

/// Once the joint group is committed, its leader proposes the new one; once that is committed, a
/// leader that isn't of it steps down.
void replica::advance_change() {
  auto* it = std::get_if<leader>(&role_);
  if (!it || commit_ < it->term_start || members_.newest_change() > commit_)
    return;
  if (members_.current().is_joint()) {
    auto wanted = members_.current();
    wanted.old_voters.clear();
    auto id = std::exchange(it->change, 0);
    append({term_, entry_type::members, members_codec.encode(wanted), id});
    publish_members();
  } else if (!members_.current().votes(self_)) {
    send_heartbeats(); // the others learn that the change is committed
    step_down("this replica is no longer of the group");
  }
}

// -- snapshots --------------------------------------------------------------------------------

std::string replica::snapshot_blob(spi::log_index index) const {
  spi::writer out;
  auto known = index == log_.base() || log_.holds(index);
  out.put(known ? log_.term_at(index) : std::uint64_t{0});
  members_codec.put(out, members_.at(index));
  return out.take();
}

std::optional<replica::pending_snapshot> replica::decode_snapshot(std::string_view blob) const {
  spi::reader in{blob};
  pending_snapshot it;
  it.term = in.get<std::uint64_t>();
  it.members = members_codec.get(in);
  auto valid = in.done() && it.term != 0 && !it.members.voters.empty();
  return valid ? std::optional{std::move(it)} : std::nullopt;
}

void replica::on_snapshot_installed(pending_snapshot installed) {
  auto index = installed.index;
  if (leading())
    step_down("this replica was behind, and took a snapshot over");
  refuse_as_unknown(log_, delivered_ + 1, index,
                    "a snapshot replaced the entry, so its outcome is unknown");
  if (index >= log_.base() && index <= log_.last() && log_.term_at(index) == installed.term) {
    outbox_.erase(log_.base() + 1, index);
    log_.cut(index);
    members_.rebase(index, std::move(installed.members));
  } else {
    replace_log(installed);
  }
  durable_ = std::max(durable_, index);
  verified_ = std::max(verified_, index);
  if (auto* it = std::get_if<follower>(&role_))
    it->response_wanted = true;
}

} // namespace atl::raft
