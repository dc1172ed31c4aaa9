#include "replica.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace atl::two_phase {

namespace {

/// Of a read that waits until this replica is whole again.
constexpr spi::log_index target_unknown = UINT64_MAX;
/// Decisions that nobody waits for are held back, so that they go with the next records that
/// somebody does: for so long, and so many of them.
constexpr spi::timestamp longest_hold = std::chrono::milliseconds{2};
constexpr std::size_t most_held = 1024;

std::uint64_t fingerprint(const std::vector<spi::replica_id>& voters) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (auto voter : voters)
    for (int shift = 0; shift < 32; shift += 8)
      hash = (hash ^ ((voter >> shift) & 0xff)) * 0x100000001b3;
  return hash;
}

} // namespace

replica::replica(const spi::consensus_setup& setup)
    : config_{read_config(setup.options)}, self_{setup.self},
      incarnation_{setup.incarnation}, birth_{setup.voters} {
  std::sort(birth_.begin(), birth_.end());
  if (std::adjacent_find(birth_.begin(), birth_.end()) != birth_.end())
    throw std::invalid_argument("the voters " + list(birth_) + " name a replica twice");
  if (birth_.empty() || birth_.front() == 0 || birth_.size() > max_voters || self_ == 0)
    throw std::invalid_argument("two-phase commit takes 1 to 64 voters with ids above 0");
  group_ = fingerprint(birth_);
  groups_.emplace(0, membership{birth_, {}});
  said_ = members();
  heard_.group = members();
}

// -- starting ---------------------------------------------------------------------------------

void replica::start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) {
  now_ = started_ = next_tick_ = now;
  bool intact = false;
  take(stable, applied, intact);
  if (stopped_)
    return;
  for (auto index = log_.first(); index <= std::min(decided_, log_.last()); ++index) {
    auto state = log_.find(index)->state;
    if (state == slot_state::damaged || state == slot_state::command_lost)
      repairs_.insert(index);
  }
  accepted_ = std::max(log_.last(), applied);
  say_members();
  renew_circle();
  if (coordinator())
    start_coordinator(intact);
  else
    say_role();
  advance_decided();
}

bool replica::take_meta(const spi::stable_state& stable, meta_record& meta) {
  if (!stable.meta || stable.meta_corrupt || !decode_meta(*stable.meta, meta))
    return false;
  if (meta.birth != birth_) {
    stop("this disk belongs to a group that began with the replicas " + list(meta.birth) +
         ", but the configuration names " + list(birth_) +
         "; members are changed while the group runs, not there: correct the configuration");
    return false;
  }
  epoch_ = meta.epoch;
  follows_ = meta.follows;
  lost_ = meta.lost;
  if (!meta.groups.empty())
    groups_.clear();
  for (auto& it : meta.groups)
    groups_.insert_or_assign(it.index, it.group);
  heard_ = {members_since(), members()};
  // The state machine is the snapshot's: the host installed it, and didn't get to say so.
  if (meta.snapshot && applied_ >= meta.snapshot->first)
    adopt_group(meta.snapshot->second);
  return true;
}

void replica::take(const spi::stable_state& stable, spi::log_index applied, bool& intact) {
  applied_ = decided_ = applied;
  meta_record meta;
  auto readable = take_meta(stable, meta);
  if (stopped_)
    return;
  whole_ = intact = readable && meta.whole;
  coordinating_ = should_coordinate();
  auto first = applied + 1;
  if (readable) {
    first = meta.first;
  } else {
    for (auto& record : stable.records)
      first = std::min(first, std::max<spi::log_index>(record.index, 1));
  }
  auto decides = intact ? !follows_ : other_voters().empty();
  if (!log_.load(stable, first, coordinator() && decides))
    stop("the log's records lie further apart than any log's could; restore this replica's disk, "
         "or empty it to have it filled by the others");
}

void replica::stop(std::string reason) {
  if (!stopped_)
    effects_.push_back(spi::fatal{std::move(reason)});
  stopped_ = true;
}

// -- time -------------------------------------------------------------------------------------

void replica::advance(spi::timestamp now) {
  now_ = std::max(now_, now);
  if (stopped_)
    return;
  if (now_ >= next_tick_) {
    next_tick_ = now_ + config_.heartbeat;
    tick();
  }
  if (coordinator())
    abort_overdue();
  awaited_ = awaited_ || (!ops_.empty() && now_ >= held_until_);
  while (!reads_.empty() && reads_.front().deadline <= now_) {
    effects_.push_back(spi::read_refused{reads_.front().id, 0, why_not_read()});
    reads_.pop_front();
  }
}

spi::timestamp replica::deadline() const {
  if (stopped_)
    return spi::timestamp::max();
  auto next = std::min(next_tick_, coordinator() ? vote_deadline() : spi::timestamp::max());
  if (!ops_.empty())
    next = std::min(next, held_until_);
  return reads_.empty() ? next : std::min(next, reads_.front().deadline);
}

void replica::tick() {
  forget_strangers();
  beat();
  if (coordinator()) {
    move_on();
    watch_peers();
    resend_prepares();
    review_change();
    cut_log();
  }
  fetch_when_stalled();
  decided_at_tick_ = decided_;
}

// -- what is decided --------------------------------------------------------------------------

void replica::advance_decided() {
  if (installing_ != 0)
    return;
  for (;;) {
    auto it = log_.find(decided_ + 1);
    if (!it || !it->decided() || held_up(decided_ + 1, *it))
      break;
    ++decided_;
    if (it->state != slot_state::committed)
      apply_.entries.push_back({decided_, 0, true, {}});
    else if (it->kind == entry_kind::change)
      apply_.entries.push_back({decided_, it->id, true, {}});
    else
      apply_.entries.push_back({decided_, it->id, false, it->command});
  }
  become_whole_when_caught_up();
  check_reads();
  review_change();
}

/// A state machine doesn't go past a change before the change is in the meta blob: this replica, or
/// one that gets its snapshot, starts behind it. Nor past an abort that isn't on this disk: this
/// may be all that is left of the index, once the coordinator's disk is lost.
bool replica::held_up(spi::log_index index, const slot& it) {
  if (it.state == slot_state::aborted)
    return gate_ > durable_;
  if (it.state != slot_state::committed || it.kind != entry_kind::change)
    return false;
  if (index > members_since())
    if (auto change = decode_change(it.command))
      take_effect(index, *change);
  return gate_ > durable_ || handover_ == index;
}

void replica::flush_apply() {
  if (!apply_.entries.empty())
    effects_.push_back(std::move(apply_));
  apply_ = {};
}

void replica::on_applied(spi::log_index index) {
  applied_ = std::max(applied_, std::min(index, decided_));
  cut_log();
}

void replica::cut_log() {
  auto limit = std::min(applied_, coordinator() ? applied_by_all() : all_applied_);
  auto index = log_.first();
  auto bytes = log_.bytes();
  while (index <= limit &&
         (index + config_.keep_entries <= decided_ || bytes > config_.keep_bytes)) {
    auto it = log_.find(index);
    bytes -= it ? it->command.size() : 0;
    ++index;
  }
  // A few at a time would cost a record each; but a few large ones may fill the log.
  auto least = std::min<std::uint64_t>(256, config_.keep_entries / 8 + 1);
  auto half_full = config_.keep_bytes + (config_.log_bytes - config_.keep_bytes) / 2;
  if (index == log_.first() || (index < log_.first() + least && log_.bytes() <= half_full))
    return;
  for (auto stream : {prepare_stream, decision_stream})
    ops_.push_back(spi::erase_records{stream, log_.first(), index - 1});
  log_.cut(index);
  repairs_.erase(repairs_.begin(), repairs_.lower_bound(index));
  put_meta();
}

// -- reads ------------------------------------------------------------------------------------

spi::log_index replica::read_target() const {
  if (coordinator() && !needs_gather_) // others may have applied what it found out when it started
    return std::max(decided_, undecided_ - 1);
  // Nothing is committed without a voter's vote, so nothing is beyond what it holds.
  return std::max(log_.last(), decided_);
}

void replica::read(spi::request_id id, spi::read_level level) {
  if (stopped_)
    return effects_.push_back(spi::read_refused{id, 0, "this replica has stopped"});
  if (level == spi::read_level::local)
    return effects_.push_back(spi::read_ready{id, decided_});
  if (!votes())
    return effects_.push_back(spi::read_refused{id, leader_id(), why_not_read()});
  if (reads_.size() >= config_.window())
    return effects_.push_back(spi::read_refused{id, 0, "busy: too many reads wait already"});
  reads_.push_back({id, whole_ ? read_target() : target_unknown, now_ + config_.read_timeout});
  check_reads();
}

void replica::check_reads() {
  while (whole_ && !reads_.empty()) {
    auto& it = reads_.front();
    if (it.target == target_unknown)
      it.target = read_target();
    if (decided_ < it.target)
      return;
    effects_.push_back(spi::read_ready{it.id, decided_});
    reads_.pop_front();
  }
}

/// Those of one that has no vote, or none any more.
void replica::refuse_reads() {
  for (auto& it : reads_)
    effects_.push_back(spi::read_refused{it.id, leader_id(), why_not_read()});
  reads_.clear();
}

std::string replica::why_not_read() const {
  auto self = "replica " + std::to_string(self_);
  if (!votes())
    return self + (view().contains(self_) ? " is a learner" : " is not of the group") +
           ", which writes don't wait for: read at one of the voters " + list(heard_.group.voters);
  if (!whole_)
    return self + " lost its disk, or is new, and hasn't caught up with the others yet: read at "
                  "another one";
  auto doubt = self + " holds index " + std::to_string(decided_ + 1) + " in doubt, and ";
  if (coordinator())
    return doubt +
           "has to hear all others, for it may have been committed: " + why_not_write().reason;
  return doubt + "nobody it can reach knows how it was decided: wait until replica " +
         std::to_string(leader_id()) + " is back";
}

// -- durability -------------------------------------------------------------------------------

/// All that was put so far; somebody waits for it from now on.
spi::persist_token replica::after_now() {
  awaited_ = awaited_ || !ops_.empty();
  auto last = ops_.empty() ? token_ : open_token();
  return last > durable_ ? last : 0;
}

spi::persist_token replica::after_standing() const {
  return standing_token_ > durable_ ? standing_token_ : 0;
}

/// Records where the log begins, and which snapshot is being taken over. No message speaks of
/// these, so none waits for them: otherwise a replica whose disk stalls while its log is cut would
/// look dead to the others, and writes would be refused.
void replica::put_meta() {
  // No snapshot that is sent or taken lies before what the state machine has durably.
  auto in_force = std::prev(groups_.upper_bound(std::max(applied_, groups_.begin()->first)));
  groups_.erase(groups_.begin(), in_force);
  meta_record meta{birth_, epoch_, whole_, log_.first(), follows_, lost_};
  for (auto& [index, group] : groups_)
    meta.groups.push_back({index, group});
  if (deciding_group_)
    meta.groups.push_back(*deciding_group_);
  if (snapshot_)
    meta.snapshot.emplace(snapshot_->index, snapshot_->members);
  ops_.push_back(spi::set_meta{encode_meta(meta)});
  awaited_ = true;
}

/// Records the epoch, whether this replica is whole, who is lost, and the group. Messages speak of
/// these, and wait until they are durable.
void replica::put_standing() {
  put_meta();
  standing_token_ = open_token();
}

void replica::put_decision(spi::log_index index, bool commit) {
  if (ops_.empty())
    held_until_ = now_ + longest_hold;
  ops_.push_back(spi::put_record{decision_stream, index, encode_decision_record(commit)});
}

void replica::put_prepare(spi::log_index index, const slot& it) {
  ops_.push_back(
      spi::put_record{prepare_stream, index, encode_prepare_record(it.epoch, it.kind, it.command)});
  accepting_.emplace_back(open_token(), index);
  awaited_ = true;
}

void replica::on_durable(spi::persist_token token) {
  if (token > token_)
    return; // of no persist that was given out
  durable_ = std::max(durable_, token);
  auto moves = gate_ != 0 && gate_ <= durable_;
  if (moves)
    gate_ = 0;
  for (; !accepting_.empty() && accepting_.front().first <= durable_; accepting_.pop_front()) {
    accepted_ = std::max(accepted_, accepting_.front().second);
    moves = vote_here(accepting_.front().second) || moves;
  }
  if (stopped_)
    return;
  install_when_durable();
  for (; !deciding_.empty() && deciding_.front().first <= durable_; deciding_.pop_front()) {
    settle(deciding_.front().second);
    moves = true;
  }
  if (moves)
    advance_decided();
}

void replica::drain(std::vector<spi::effect>& out) {
  if (!stopped_) {
    flush_prepares();
    flush_decisions();
    flush_votes();
    if (std::exchange(beat_now_, false))
      beat();
    flush_apply();
  }
  if (std::exchange(awaited_, false) || ops_.size() > most_held) {
    out.push_back(spi::persist{++token_, std::move(ops_)});
    ops_.clear();
  }
  std::move(effects_.begin(), effects_.end(), std::back_inserter(out));
  effects_.clear();
}

// -- the rest ---------------------------------------------------------------------------------

void replica::on_validated(std::uint64_t ticket, bool ok, std::string_view reason) {
  auto found = validating_.find(ticket);
  if (found == validating_.end())
    return;
  auto asked = std::move(found->second);
  validating_.erase(found);
  if (stopped_)
    return;
  if (asked.index != 0)
    return answer_validation(asked, ok, reason);
  if (!coordinator())
    return refuse_elsewhere(asked.id);
  auto why =
      ok ? why_not_propose()
         : obstacle{"replica " + std::to_string(self_) + " voted no: " + std::string{reason}};
  if (why)
    return refuse_proposal(asked.id, std::move(why));
  append(asked.id, entry_kind::command, std::move(asked.command));
}

void replica::transfer(spi::replica_id) {
  // The coordinator is the voter with the lowest id; there is no answer to give.
}

spi::consensus_status replica::status() const {
  spi::consensus_status out;
  auto leads = coordinator() && phase_ == phase::serving;
  out.role = leads           ? spi::replica_role::leader
             : coordinator() ? spi::replica_role::candidate
             : votes()       ? spi::replica_role::follower
                             : spi::replica_role::learner;
  out.term = epoch_;
  out.leader = coordinator() == leads ? leader_id() : 0;
  out.committed = decided_;
  out.accepted = accepted_;
  out.first = log_.first();
  out.pending = validating_.size() + reads_.size();
  if (coordinator())
    out.pending += open_entries();
  out.blocked = why_not_write().reason;
  return out;
}

void replica::say_role() {
  auto now = status();
  effects_.push_back(spi::role_changed{now.role, now.term, now.leader});
}

} // namespace atl::two_phase
