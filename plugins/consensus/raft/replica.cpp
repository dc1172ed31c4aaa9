#include "replica.hpp"

#include <stdexcept>

namespace atl::raft {

namespace {

constexpr std::uint32_t log_stream = 0;

} // namespace

replica::replica(const spi::consensus_setup& setup)
    : config_{read_config(setup.options)}, self_{setup.self},
      election_timer_{config_.election_timeout, config_.heartbeat, setup.seed},
      follower_reads_{setup.incarnation} {
  if (self_ == 0)
    throw std::invalid_argument("a replica's id must not be 0");
  base_members_.voters = setup.voters;
  std::sort(base_members_.voters.begin(), base_members_.voters.end());
  if (setup.voters.empty() || setup.voters.size() > max_members)
    throw std::invalid_argument("a group has 1 to 64 voters");
}

// -- start ------------------------------------------------------------------------------------

void replica::start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) {
  now_ = started_ = now;
  auto birth = base_members_;
  if (stable.meta_corrupt)
    return stop("the durable term and vote can't be read, and this replica must not guess them; "
                "remove it from the group and add one with an empty disk under a new id");
  restore(std::move(stable), applied);
  if (stopped_)
    return;
  published_members_ = birth;
  publish_members();
  begin_promise();
  election_timer_.restart(now_);
  if (members().voters == std::vector{self_} && !members().joint())
    election_timer_.campaign_at(now_); // there is nobody to wait for
  election_timer_.not_before(started_ + old_promise_);
}

bool replica::restore_meta(const std::optional<std::string>& bytes) {
  if (!bytes)
    return true;
  spi::reader in{*bytes};
  term_ = in.get<std::uint64_t>();
  vote_ = in.get<spi::replica_id>();
  auto base = in.get<spi::log_index>();
  log_.reset(base, in.get<std::uint64_t>());
  base_members_ = get_membership(in);
  if (in.get<bool>()) {
    snapshot_ = pending_snapshot{};
    snapshot_->index = in.get<spi::log_index>();
    snapshot_->term = in.get<std::uint64_t>();
    snapshot_->members = get_membership(in);
  }
  if (!in.rest().empty()) // a log of before there were leases says nothing of promises
    longest_promise_ = spi::timestamp{in.get<std::int64_t>()};
  return in.done();
}

void replica::restore(spi::stable_state stable, spi::log_index applied) {
  if (!restore_meta(stable.meta))
    return stop("the durable term and vote make no sense; remove this replica from the group and "
                "add one with an empty disk under a new id");
  if (!stable.meta && (applied > 0 || !stable.records.empty()))
    return stop("the state machine has entries and the log's disk is empty: it was lost; remove "
                "this replica from the group and add one with empty disks under a new id");
  // A snapshot that was installed right before a crash is what the log goes on from.
  auto installed = snapshot_ && applied >= snapshot_->index;
  for (auto& record : stable.records) {
    if (record.index <= log_.base())
      continue;
    auto read = record.state == spi::record_state::ok ? decode_entry(record.bytes) : std::nullopt;
    if (!read)
      return stop("the record of stream " + std::to_string(record.stream) + " at index " +
                  std::to_string(record.index) +
                  " can't be read; it may be committed, so it isn't taken for missing: remove this "
                  "replica from the group and add one with an empty disk under a new id");
    if (record.index != log_.last() + 1)
      return stop("the record of stream 0 at index " + std::to_string(log_.last() + 1) +
                  " is missing; remove this replica from the group and add one with an empty disk "
                  "under a new id");
    if (read->type == entry_type::members)
      changes_[record.index] = *decode_membership(read->body);
    log_.append(std::move(*read));
  }
  if (installed) {
    auto taken = *snapshot_;
    snapshot_.reset();
    if (log_.last() < taken.index || taken.index < log_.base() ||
        log_.term_at(taken.index) != taken.term) {
      erase_entries(log_.base() + 1, log_.last());
      changes_.clear();
      log_.reset(taken.index, taken.term);
      base_members_ = taken.members;
    }
    put_meta();
  } else if (snapshot_) {
    snapshot_.reset(); // it will be sent again
    put_meta();
  }
  if (applied < log_.base() || applied > log_.last())
    return stop("the state machine is at entry " + std::to_string(applied) +
                " and the log reaches from " + std::to_string(log_.base()) + " to " +
                std::to_string(log_.last()) +
                ": they don't belong together; remove this replica from the group and add one "
                "with empty disks under a new id");
  commit_ = delivered_ = applied_ = applied;
  durable_ = verified_ = log_.last();
  verified_ = commit_;
}

// -- durable state ----------------------------------------------------------------------------

/// Records where the log begins, and which snapshot is being taken over. No message speaks of
/// these, so none waits for them: otherwise a disk that stalls while the log is cut would silence
/// the leader, and cause an election.
void replica::put_meta() {
  meta_changed_ = true;
}

/// Records the term, the vote or a longer promise. Messages speak of these, and wait until they are
/// durable.
void replica::persist_vote() {
  meta_changed_ = vote_changed_ = true;
}

void replica::put_entry(spi::log_index at) {
  ops_.push_back(spi::put_record{log_stream, at, encode(log_.at(at))});
  unpersisted_ = at;
}

void replica::erase_entries(spi::log_index first, spi::log_index last) {
  if (first <= last)
    ops_.push_back(spi::erase_records{log_stream, first, last});
}

spi::persist_token replica::after_vote() const {
  return vote_changed_ ? token_ + 1 : vote_token_;
}

void replica::on_durable(spi::persist_token token) {
  if (stopped_)
    return;
  durable_token_ = std::max(durable_token_, token);
  while (!persisting_.empty() && persisting_.front().first <= token) {
    durable_ = std::max(durable_, std::min(persisting_.front().second, log_.last()));
    persisting_.pop_front();
    response_wanted_ = true;
  }
  if (role_ == role::candidate)
    count_own_vote();
  if (role_ == role::leader)
    advance_commit();
  deliver();
}

void replica::stop(std::string reason) {
  if (stopped_)
    return;
  stopped_ = true;
  effects_.push_back(spi::fatal{std::move(reason)});
}

// -- what is committed --------------------------------------------------------------------------

void replica::set_commit(spi::log_index index) {
  if (index <= commit_)
    return;
  commit_ = index;
  deliver();
  advance_change();
}

/// Hands over what is committed, but nothing while a snapshot takes the state machine's place, and
/// nothing that isn't durable here: the state machine must not survive with more than its log.
void replica::deliver() {
  auto up_to = std::min(commit_, durable_);
  if (snapshot_ || delivered_ >= up_to)
    return;
  spi::apply batch;
  while (delivered_ < up_to) {
    auto& it = log_.at(++delivered_);
    batch.entries.push_back({delivered_, it.id, it.type != entry_type::command,
                             it.type == entry_type::command ? it.body : std::string{}});
    it.id = 0;
  }
  effects_.push_back(std::move(batch));
}

void replica::on_applied(spi::log_index index) {
  if (stopped_)
    return;
  applied_ = std::max(applied_, std::min(index, delivered_));
  cut_log();
}

/// Keeps some entries behind, so that a replica which was away needs no snapshot.
void replica::cut_log() {
  if (snapshot_)
    return;
  auto held = log_.last() - log_.base();
  auto goal = applied_ > config_.keep_entries ? applied_ - config_.keep_entries : 0;
  if (log_.bytes() > config_.keep_bytes && held > 0) {
    auto average = log_.bytes() / held + 1;
    auto fit = config_.keep_bytes / average;
    goal = std::max(goal, applied_ > fit ? applied_ - fit : 0);
  }
  goal = std::min({goal, applied_, durable_});
  // Not for each entry: every cut is written down. But a few large entries may fill the log.
  auto few = goal < log_.base() + config_.keep_entries / 8 + 1;
  auto half_full = config_.keep_bytes + (config_.log_bytes - config_.keep_bytes) / 2;
  if (goal <= log_.base() || (few && log_.bytes() <= half_full))
    return;
  base_members_ = members_at(goal);
  changes_.erase(changes_.begin(), changes_.upper_bound(goal));
  erase_entries(log_.base() + 1, goal);
  log_.cut(goal);
  put_meta();
  if (log_.bytes() > config_.log_bytes) // entries differ in size, and `goal` goes by their average
    cut_log();
}

// -- calls ------------------------------------------------------------------------------------

void replica::advance(spi::timestamp now) {
  if (stopped_)
    return;
  now_ = std::max(now_, now);
  end_old_promise();
  tick_election();
  if (role_ == role::leader) {
    if (now_ >= next_quorum_check_)
      check_quorum();
    if (role_ == role::leader && now_ >= next_heartbeat_)
      heartbeat_wanted_ = true;
    if (transferee_ != 0 && now_ >= transfer_deadline_)
      transferee_ = 0; // it didn't take over
  }
  expire_reads();
}

spi::timestamp replica::deadline() const {
  if (stopped_)
    return spi::timestamp::max();
  auto next = follower_reads_.deadline();
  if (role_ == role::leader)
    next = std::min({next, next_heartbeat_, next_quorum_check_});
  else if (can_campaign())
    next = std::min(next, election_timer_.deadline());
  if (!leader_reads_.empty())
    next = std::min(next, leader_reads_.deadline());
  return next;
}

void replica::step(spi::replica_id from, std::string_view bytes) {
  if (stopped_ || from == self_ || from == 0)
    return;
  auto what = decode(bytes);
  if (!what) {
    ++dropped_;
    return;
  }
  std::visit([&](auto& it) { on_message(from, what->term, it); }, what->body);
}

void replica::on_unreachable(spi::replica_id id) {
  if (auto peer = peers_.find(id); peer != peers_.end())
    peer->second.log.probe();
  if (id == leader_)
    on_leader_unreachable();
}

void replica::propose(spi::request_id id, std::string command) {
  if (stopped_)
    return;
  auto refuse = [&](std::string why) {
    effects_.push_back(
        spi::refuse{id, spi::refusal::not_proposed,
                    role_ == role::leader || election_timer_.is_leader_unreachable() ? 0 : leader_,
                    std::move(why)});
  };
  if (auto why = refusal_to_propose(); !why.empty())
    return refuse(std::move(why));
  if (command.size() > max_command_bytes)
    return refuse("a command must not be larger than 16 MiB");
  if (log_.last() - commit_ >= config_.max_in_flight)
    return refuse("too many entries are waiting to be committed; try again");
  if (log_.bytes() > config_.log_bytes)
    return refuse("the log is full until the state machine has applied what is in it; try again");
  append_own({term_, entry_type::command, std::move(command), id});
}

void replica::on_validated(std::uint64_t, bool, std::string_view) {}

void replica::emit_send(spi::replica_id to, std::string bytes, spi::persist_token after) {
  effects_.push_back(spi::send{to, std::move(bytes), after <= durable_token_ ? 0 : after});
}

spi::replica_role replica::public_role() const {
  return role_ == role::leader      ? spi::replica_role::leader
         : role_ == role::candidate ? spi::replica_role::candidate
         : members().votes(self_)   ? spi::replica_role::follower
                                    : spi::replica_role::learner;
}

void replica::publish_role() {
  std::tuple now{public_role(), term_, leader_};
  if (now == published_role_)
    return;
  published_role_ = now;
  effects_.push_back(spi::role_changed{public_role(), term_, leader_});
}

void replica::drain(std::vector<spi::effect>& out) {
  if (!stopped_) {
    if (role_ == role::leader) {
      start_reads();
      replicate();
    } else {
      send_append_response();
      forward_reads();
    }
    publish_role();
    if (snapshot_ && !snapshot_->asked && snapshot_->token <= durable_token_) {
      snapshot_->asked = true;
      effects_.push_back(spi::install_snapshot{snapshot_->index});
    }
  }
  if (meta_changed_) {
    spi::writer meta;
    meta.put(term_).put(vote_).put(log_.base()).put(log_.term_at(log_.base()));
    put(meta, base_members_);
    meta.put(snapshot_.has_value());
    if (snapshot_) {
      meta.put(snapshot_->index).put(snapshot_->term);
      put(meta, snapshot_->members);
    }
    meta.put(longest_promise_.count());
    ops_.push_back(spi::set_meta{meta.take()});
  }
  if (!ops_.empty()) {
    ++token_;
    meta_changed_ = false;
    if (std::exchange(vote_changed_, false))
      vote_token_ = token_;
    persisting_.emplace_back(token_, unpersisted_);
    unpersisted_ = 0;
    out.push_back(spi::persist{token_, std::exchange(ops_, {})});
  }
  for (auto& effect : effects_)
    out.push_back(std::move(effect));
  effects_.clear();
}

spi::consensus_status replica::status() const {
  spi::consensus_status it;
  it.role = public_role();
  it.term = term_;
  it.leader = leader_;
  it.committed = commit_;
  it.accepted = durable_;
  it.first = log_.base() + 1;
  it.pending = leader_reads_.size() + follower_reads_.size();
  if (role_ == role::leader)
    it.pending += log_.last() - commit_;
  it.blocked = leader_ == 0 ? "no leader is elected" : "";
  if (role_ == role::leader && commit_ < term_start_)
    it.blocked = "the leader is new and hasn't committed anything yet";
  return it;
}

bool replica::quorum(const std::set<spi::replica_id>& of) const {
  return agreed([&](spi::replica_id id) { return of.contains(id) ? 1u : 0u; }) == 1;
}

} // namespace atl::raft
