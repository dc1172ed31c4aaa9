#include "replica.hpp"

namespace atl::raft {

namespace {

void normalize(std::vector<spi::replica_id>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

std::string encode(const membership& it) {
  spi::writer out;
  put(out, it);
  return out.take();
}

} // namespace

// -- members ----------------------------------------------------------------------------------

/// The newest in the log, committed or not: that is what makes the overlap of majorities hold.
const membership& replica::members() const {
  return changes_.empty() ? base_members_ : changes_.rbegin()->second;
}

membership replica::members_at(spi::log_index index) const {
  auto behind = changes_.upper_bound(index);
  return behind == changes_.begin() ? base_members_ : std::prev(behind)->second;
}

/// Who was put out of the group may be the only one who has the entry that says so, and is needed
/// until it is committed (dissertation, 4.2.2).
bool replica::can_campaign() const {
  if (members().votes(self_))
    return true;
  auto newest = changes_.empty() ? log_.base() : changes_.rbegin()->first;
  return newest > commit_ && members_at(newest - 1).votes(self_);
}

void replica::publish_members() {
  auto& now = members();
  if (now == published_members_)
    return;
  published_members_ = now;
  auto voters = now.voters;
  voters.insert(voters.end(), now.old_voters.begin(), now.old_voters.end());
  normalize(voters);
  effects_.push_back(spi::members_changed{std::move(voters), now.learners});
  if (role_ != role::leader)
    return;
  auto all = now.all();
  for (auto id : all)
    if (id != self_ && !peers_.contains(id))
      peers_[id].log =
          leader_based::inflight_window{log_.last()}; // the change itself tells where it fits
  std::erase_if(
      peers_, [&](auto& peer) { return !std::binary_search(all.begin(), all.end(), peer.first); });
  heartbeat_wanted_ = true;
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
    return refuse("a group has 1 to 64 members, none of them 0, and at least one votes");
  // A change under way must end first, and a new leader must have committed something of its own
  // (Ongaro's correction of 2015).
  if (change_ || members().joint() || commit_ < term_start_ ||
      (!changes_.empty() && changes_.rbegin()->first > commit_))
    return refuse("another change of the group is under way; try again");
  membership wanted{std::move(voters), {}, std::move(learners)};
  if (wanted.voters == members().voters) { // learners decide nothing, so one step will do
    append_own({term_, entry_type::members, encode(wanted), id});
    return;
  }
  change_.emplace(id, wanted);
  auto joint = wanted;
  joint.old_voters = members().voters;
  append_own({term_, entry_type::members, encode(joint), 0});
}

/// Once the joint group is committed, its leader goes on to the new one; once that is committed, a
/// leader that is no longer of it steps down.
void replica::advance_change() {
  if (role_ != role::leader || commit_ < term_start_)
    return;
  auto newest = changes_.empty() ? log_.base() : changes_.rbegin()->first;
  if (newest > commit_)
    return;
  if (members().joint()) {
    auto wanted = members();
    wanted.old_voters.clear();
    auto id = change_ ? change_->first : 0;
    change_.reset();
    append_own({term_, entry_type::members, encode(wanted), id});
  } else if (!members().votes(self_)) {
    send_heartbeats(); // the others learn that it is committed
    step_down("this replica is no longer of the group");
  }
}

// -- snapshots --------------------------------------------------------------------------------

std::string replica::snapshot_blob(spi::log_index index) const {
  spi::writer out;
  auto known = index == log_.base() || log_.holds(index);
  out.put(known ? log_.term_at(index) : std::uint64_t{0});
  put(out, members_at(index));
  return out.take();
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
  if (index <= delivered_ || index <= commit_)
    return deliver();
  spi::reader in{blob};
  pending_snapshot it;
  it.index = index;
  it.term = in.get<std::uint64_t>();
  it.members = get_membership(in);
  if (!in.done() || it.term == 0 || it.members.voters.empty()) {
    ++dropped_;
    return deliver();
  }
  it.token = token_ + 1; // of the next persist, which carries it
  snapshot_ = std::move(it);
  put_meta();
}

void replica::on_installed(spi::log_index index) {
  if (stopped_ || !snapshot_ || snapshot_->index != index)
    return;
  if (role_ == role::leader)
    step_down("this replica was behind, and took a snapshot over");
  for (auto at = delivered_ + 1; at <= std::min(index, log_.last()); ++at)
    if (auto id = std::exchange(log_.at(at).id, 0))
      effects_.push_back(spi::refuse{id, spi::refusal::unknown, 0,
                                     "a snapshot took the place of what became of it"});
  auto taken = std::move(*snapshot_);
  snapshot_.reset();
  auto fits = index >= log_.base() && index <= log_.last() && log_.term_at(index) == taken.term;
  if (fits) {
    changes_.erase(changes_.begin(), changes_.upper_bound(index));
    erase_entries(log_.base() + 1, index);
    log_.cut(index);
  } else {
    erase_entries(log_.base() + 1, log_.last());
    changes_.clear();
    log_.reset(index, taken.term);
    durable_ = index;
    for (auto& [token, last] : persisting_)
      last = 0;
    unpersisted_ = 0;
  }
  base_members_ = taken.members;
  put_meta();
  commit_ = std::max(commit_, index);
  delivered_ = applied_ = index;
  durable_ = std::max(durable_, index);
  verified_ = std::max(verified_, index);
  response_wanted_ = true;
  publish_members();
  deliver();
}

} // namespace atl::raft
