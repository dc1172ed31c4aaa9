#include "replica.hpp"

#include <algorithm>
#include <stdexcept>

namespace atl::paxos {

namespace {

const std::string replace_it =
    "; remove this replica from the group and add one with an empty disk under a new id";

} // namespace

replica::replica(const spi::consensus_setup& setup)
    : config_{read_config(setup.options)}, self_{setup.self}, incarnation_{setup.incarnation},
      election_timer_{config_.election_timeout, config_.heartbeat, setup.seed},
      follower_reads_{setup.incarnation} {
  if (self_ == 0)
    throw std::invalid_argument("a replica's id must not be 0");
  if (setup.voters.empty() || setup.voters.size() > max_members)
    throw std::invalid_argument("a group has 1 to 32 voters");
  if (auto why = config_.quorums.refusal(setup.voters.size()); !why.empty())
    throw std::invalid_argument(why);
  base_members_.voters = setup.voters;
  std::sort(base_members_.voters.begin(), base_members_.voters.end());
  if (!decode_membership(encode(base_members_)))
    throw std::invalid_argument("a group's voters differ from each other and from 0");
}

// -- start ------------------------------------------------------------------------------------

void replica::start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) {
  now_ = now;
  published_members_ = base_members_;
  if (stable.meta_corrupt)
    return stop("the durable promise can't be read, and this replica must not guess it" +
                replace_it);
  restore(std::move(stable), applied);
  if (stopped_)
    return;
  publish_members();
  restart_election_timer();
  if (members().voters == std::vector{self_})
    election_timer_.campaign_at(now_); // there is nobody to wait for
}

std::string replica::encode_meta() const {
  spi::writer out;
  out.put(promised_).put(config_.quorums.prepare).put(config_.quorums.accept).put(log_.base());
  put(out, base_members_);
  out.put(static_cast<std::uint32_t>(changes_.size()));
  for (auto& [index, members] : changes_) {
    out.put(index);
    put(out, members);
  }
  out.put(snapshot_.has_value());
  if (snapshot_) {
    out.put(snapshot_->index);
    put(out, snapshot_->members);
  }
  return out.take();
}

bool replica::restore_meta(const std::optional<std::string>& bytes) {
  if (!bytes)
    return true;
  spi::reader in{*bytes};
  promised_ = in.get<ballot>();
  quorum_sizes written;
  written.prepare = in.get<std::uint16_t>();
  written.accept = in.get<std::uint16_t>();
  log_.cut(in.get<spi::log_index>());
  base_members_ = get_membership(in);
  auto count = in.get_count(sizeof(spi::log_index));
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto index = in.get<spi::log_index>();
    changes_[index] = get_membership(in);
  }
  if (in.get<bool>()) {
    snapshot_ = pending_snapshot{};
    snapshot_->index = in.get<spi::log_index>();
    snapshot_->members = get_membership(in);
  }
  if (!in.done())
    return false;
  if (written != config_.quorums)
    stop("the log was written with prepare_quorum " + std::to_string(written.prepare) +
         " and accept_quorum " + std::to_string(written.accept) + ", and the options say " +
         std::to_string(config_.quorums.prepare) + " and " +
         std::to_string(config_.quorums.accept) +
         ": what was committed by the old quorums needn't meet the new ones; put the options back");
  return true;
}

void replica::restore(spi::stable_state stable, spi::log_index applied) {
  auto fresh = !stable.meta;
  if (!restore_meta(stable.meta))
    return stop("the durable promise makes no sense" + replace_it);
  if (stopped_)
    return;
  if (fresh && (applied > 0 || !stable.records.empty()))
    return stop("the state machine has entries and the log's disk is empty: it was lost" +
                replace_it);
  std::set<spi::log_index> damaged;
  for (auto& record : stable.records) {
    if (record.index <= log_.base())
      continue;
    auto read = record.state == spi::record_state::ok ? decode_slot(record.bytes) : std::nullopt;
    if (!read) {
      damaged.insert(record.index);
      continue;
    }
    if (record.index > std::max(applied, log_.last()) + 2 * ahead_max)
      return stop("the record of stream 0 at index " + std::to_string(record.index) +
                  " stands far behind all others" + replace_it);
    if (read->value.type == value_type::members && record.index <= applied)
      changes_[record.index] = *decode_membership(read->value.body);
    promised_ = std::max(promised_, read->accepted);
    log_.put(record.index, std::move(*read));
  }
  if (auto taken = std::exchange(snapshot_, std::nullopt)) {
    // One that was installed right before a crash is what the log goes on from; another will be
    // sent again.
    if (applied >= taken->index && taken->index > log_.base()) {
      ops_.push_back(spi::erase_records{log_stream, log_.base() + 1, taken->index});
      log_.cut(taken->index);
      base_members_ = taken->members;
      changes_.erase(changes_.begin(), changes_.upper_bound(taken->index));
    }
    put_meta();
  }
  if (applied < log_.base())
    return stop("the state machine is at entry " + std::to_string(applied) +
                " and the log begins behind " + std::to_string(log_.base()) +
                ": they don't belong together" + replace_it);
  delivered_ = applied_ = applied;
  restore_damaged(damaged);
  if (stopped_)
    return;
  // A change that was known to be committed still is, and so is all before it.
  committed_ = applied;
  if (!changes_.empty())
    committed_ = std::max(committed_, changes_.rbegin()->first);
  if (!damaged_.empty() && committed_ >= *damaged_.begin())
    committed_ = *damaged_.begin() - 1;
  changes_.erase(changes_.upper_bound(committed_), changes_.end());
  verified_ = committed_;
  for (auto at = log_.base() + 1; at <= committed_; ++at)
    if (!log_.holds(at))
      return stop("the record of stream 0 at index " + std::to_string(at) + " is missing" +
                  replace_it);
  if (fresh)
    put_meta(); // the quorums' sizes are for good
  deliver();
}

/// What the state machine has applied needs no record. What it hasn't may be a promise: until the
/// others have committed something there, this replica promises nobody anything.
void replica::restore_damaged(const std::set<spi::log_index>& damaged) {
  if (damaged.empty())
    return;
  auto applied = damaged.upper_bound(applied_);
  if (applied != damaged.begin()) {
    auto cut = *std::prev(applied);
    base_members_ = members_at(cut);
    changes_.erase(changes_.begin(), changes_.upper_bound(cut));
    ops_.push_back(spi::erase_records{log_stream, log_.base() + 1, cut});
    log_.cut(cut);
    put_meta();
  }
  damaged_.insert(applied, damaged.end());
  if (!damaged_.empty() && members().voters == std::vector{self_})
    stop("the record of stream 0 at index " + std::to_string(*damaged_.begin()) +
         " can't be read; it may be committed, and there is no other replica that has it");
}

// -- durable state ----------------------------------------------------------------------------

/// Records where the log begins, committed changes of the group, and which snapshot is being taken
/// over. No message speaks of these, so none waits for them: otherwise a disk that stalls while the
/// log is cut would silence the leader, and cause an election.
void replica::put_meta() {
  meta_changed_ = true;
}

/// Records the promised ballot. Messages speak of it, and wait until it is durable.
void replica::persist_promise() {
  meta_changed_ = promise_changed_ = true;
}

void replica::put_slot(spi::log_index at, slot it) {
  it.token = slots_token_ = token_ + 1;
  ops_.push_back(spi::put_record{log_stream, at, encode(it)});
  log_.put(at, std::move(it));
  damaged_.erase(at);
}

spi::persist_token replica::after_promise() const {
  return promise_changed_ ? token_ + 1 : promise_token_;
}

spi::persist_token replica::after_accepted() const {
  return std::max(after_promise(), slots_token_);
}

void replica::on_durable(spi::persist_token token) {
  if (stopped_)
    return;
  durable_token_ = std::max(durable_token_, token);
  if (preparation_)
    finish_preparation();
  if (role_ == role::leader) {
    count_own_accepts();
    commit_chosen();
  }
  deliver();
}

void replica::stop(std::string reason) {
  if (stopped_)
    return;
  stopped_ = true;
  effects_.push_back(spi::fatal{std::move(reason)});
}

// -- what is committed --------------------------------------------------------------------------

/// The next index is: with all before it, it says who belongs to the group behind it.
void replica::commit_next() {
  ++committed_;
  auto& it = log_.at(committed_);
  if (it.value.type != value_type::members)
    return;
  changes_[committed_] = *decode_membership(it.value.body);
  group_changed_ = true;
  put_meta();
  it.token = token_ + 1; // applied only when the group is known durably
  publish_members();
}

/// Hands over what is committed, but nothing while a snapshot takes the state machine's place, and
/// nothing that isn't durable here: the state machine must not survive with more than its log.
void replica::deliver() {
  if (snapshot_)
    return;
  spi::apply batch;
  while (delivered_ < committed_ && log_.at(delivered_ + 1).token <= durable_token_) {
    auto& it = log_.at(++delivered_);
    auto no_op = it.value.type != value_type::command;
    batch.entries.push_back(
        {delivered_, std::exchange(it.id, 0), no_op, no_op ? std::string{} : it.value.body});
  }
  if (!batch.entries.empty())
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
    auto fit = config_.keep_bytes / (log_.bytes() / held + 1);
    goal = std::max(goal, applied_ > fit ? applied_ - fit : 0);
  }
  // Who was put out may be the only one who knows of it, and must remember: until something behind
  // it is committed, which shows that the others know.
  if (!members().votes(self_) && can_campaign() && committed_ == changes_.rbegin()->first)
    goal = std::min(goal, committed_ - 1);
  // Not for each entry: every cut is written down. But a few large entries may fill the log.
  auto few = goal < log_.base() + config_.keep_entries / 8 + 1;
  auto half_full = config_.keep_bytes + (config_.log_bytes - config_.keep_bytes) / 2;
  if (goal <= log_.base() || (few && log_.bytes() <= half_full))
    return;
  base_members_ = members_at(goal);
  changes_.erase(changes_.begin(), changes_.upper_bound(goal));
  ops_.push_back(spi::erase_records{log_stream, log_.base() + 1, goal});
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
  tick_election();
  if (role_ == role::leader) {
    if (now_ >= next_quorum_check_)
      check_quorum();
    if (role_ == role::leader && now_ >= next_heartbeat_)
      heartbeat_wanted_ = true;
    if (transferee_ != 0 && now_ >= transfer_deadline_)
      transferee_ = 0; // it didn't take over
  }
  if (role_ == role::candidate && preparation_ && now_ >= next_heartbeat_)
    ask_for_promises();
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
  if (preparation_)
    next = std::min(next, next_heartbeat_);
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
  if (round_of(what->ballot) > round_of(greatest_seen_) + max_rounds_ahead) {
    ++dropped_;
    return;
  }
  greatest_seen_ = std::max(greatest_seen_, what->ballot);
  std::visit([&](auto& it) { on_message(from, what->ballot, it); }, what->body);
}

void replica::on_unreachable(spi::replica_id id) {
  if (auto peer = peers_.find(id); peer != peers_.end())
    peer->second.log.probe();
  if (id == leader_)
    election_timer_.on_leader_unreachable(now_, timeout_factor());
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
  if (proposed_ - committed_ >= config_.max_in_flight)
    return refuse("too many entries are waiting to be committed; try again");
  if (log_.bytes() > config_.log_bytes)
    return refuse("the log is full until the state machine has applied what is in it; try again");
  propose_value({value_type::command, std::move(command)}, id);
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
  std::tuple now{public_role(), promised_, leader_};
  if (now == published_role_)
    return;
  published_role_ = now;
  effects_.push_back(spi::role_changed{public_role(), promised_, leader_});
}

void replica::drain(std::vector<spi::effect>& out) {
  if (!stopped_) {
    if (role_ == role::leader) {
      start_reads();
      replicate();
    } else {
      respond_to_leader();
      forward_reads();
    }
    publish_role();
    if (snapshot_ && !snapshot_->asked && snapshot_->token <= durable_token_) {
      snapshot_->asked = true;
      effects_.push_back(spi::install_snapshot{snapshot_->index});
    }
  }
  if (meta_changed_)
    ops_.push_back(spi::set_meta{encode_meta()});
  if (!ops_.empty()) {
    ++token_;
    meta_changed_ = false;
    if (std::exchange(promise_changed_, false))
      promise_token_ = token_;
    out.push_back(spi::persist{token_, std::exchange(ops_, {})});
  }
  for (auto& effect : effects_)
    out.push_back(std::move(effect));
  effects_.clear();
}

spi::consensus_status replica::status() const {
  spi::consensus_status it;
  it.role = public_role();
  it.term = promised_;
  it.leader = leader_;
  it.committed = committed_;
  it.accepted = log_.last();
  while (it.accepted > log_.base() && log_.at(it.accepted).token > durable_token_)
    --it.accepted;
  it.first = log_.base() + 1;
  it.pending = leader_reads_.size() + follower_reads_.size();
  if (role_ == role::leader)
    it.pending += proposed_ - std::min(proposed_, committed_);
  if (leader_ == 0)
    it.blocked = "no leader is elected";
  if (role_ == role::leader && (preparation_ || committed_ < carried_over_))
    it.blocked = "the leader is new and hasn't committed yet what others have begun";
  if (!damaged_.empty())
    it.blocked = "the record at index " + std::to_string(*damaged_.begin()) +
                 " can't be read, and is being fetched from the others";
  return it;
}

} // namespace atl::paxos
