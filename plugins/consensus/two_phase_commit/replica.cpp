#include "replica.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace atl::two_phase {

namespace {

std::uint64_t fingerprint(const std::vector<spi::replica_id>& voters) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (auto voter : voters)
    for (int shift = 0; shift < 32; shift += 8)
      hash = (hash ^ ((voter >> shift) & 0xff)) * 0x100000001b3;
  return hash;
}

} // namespace

replica::replica(const spi::consensus_setup& setup)
    : config_{read_config(setup.options)}, self_{setup.self}, incarnation_{setup.incarnation},
      initial_voters_{setup.voters} {
  std::sort(initial_voters_.begin(), initial_voters_.end());
  if (std::adjacent_find(initial_voters_.begin(), initial_voters_.end()) != initial_voters_.end())
    throw std::invalid_argument("the voters " + list(initial_voters_) + " contain a replica twice");
  if (initial_voters_.empty() || initial_voters_.front() == 0 ||
      initial_voters_.size() > voters_max || self_ == 0)
    throw std::invalid_argument("two-phase commit needs 1 to 64 voters with ids above 0");
  group_ = fingerprint(initial_voters_);
  groups_.emplace(0, membership{initial_voters_, {}});
  published_members_ = members();
  latest_group_.group = members();
}

// -- starting ---------------------------------------------------------------------------------

void replica::start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) {
  now_ = started_ = next_tick_ = now;
  bool intact = false;
  load(stable, applied, intact);
  if (stopped_)
    return;
  for (auto index = log_.first(); index <= std::min(decided_, log_.last()); ++index) {
    auto state = log_.find(index)->state;
    if (state == slot_state::damaged || state == slot_state::command_lost)
      repairs_.insert(index);
  }
  accepted_ = std::max(log_.last(), applied);
  publish_members();
  update_active_peers();
  if (is_coordinator())
    start_coordinator(intact);
  else
    publish_role();
  advance_decided();
}

bool replica::load_meta(const spi::stable_state& stable, meta_record& meta) {
  if (!stable.meta || stable.meta_corrupt || !decode_meta(*stable.meta, meta))
    return false;
  if (meta.initial_voters != initial_voters_) {
    stop("this disk belongs to a group that was created with the replicas " +
         list(meta.initial_voters) + ", but the configuration names " + list(initial_voters_) +
         "; the configuration names the initial members, and later changes are made at run time: "
         "correct the configuration");
    return false;
  }
  epoch_ = meta.epoch;
  was_participant_ = meta.was_participant;
  declared_lost_ = meta.lost;
  if (!meta.groups.empty())
    groups_.clear();
  for (auto& it : meta.groups)
    groups_.insert_or_assign(it.index, it.group);
  latest_group_ = {members_since(), members()};
  // The host installed the snapshot and crashed before it called `on_installed`.
  if (meta.snapshot && applied_ >= meta.snapshot->first)
    adopt_group(meta.snapshot->second);
  return true;
}

void replica::load(const spi::stable_state& stable, spi::log_index applied, bool& intact) {
  applied_ = decided_ = applied;
  meta_record meta;
  auto readable = load_meta(stable, meta);
  if (stopped_)
    return;
  complete_ = intact = readable && meta.complete;
  coordinating_ = should_coordinate();
  auto first = applied + 1;
  if (readable) {
    first = meta.first;
  } else {
    for (auto& record : stable.records)
      first = std::min(first, std::max<spi::log_index>(record.index, 1));
  }
  auto decides = intact ? !was_participant_ : other_voters().empty();
  if (!log_.load(stable, first, is_coordinator() && decides))
    stop("the log's records are implausibly far apart: restore this replica's disk, or empty it so "
         "that its peers fill it again");
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
  if (is_coordinator())
    abort_overdue();
  must_persist_ = must_persist_ || (!ops_.empty() && now_ >= persist_at_);
  while (!reads_.empty() && reads_.front().deadline <= now_) {
    effects_.push_back(spi::read_refused{reads_.front().id, 0, read_refusal_reason()});
    reads_.pop_front();
  }
}

spi::timestamp replica::deadline() const {
  if (stopped_)
    return spi::timestamp::max();
  auto next = std::min(next_tick_, is_coordinator() ? vote_deadline() : spi::timestamp::max());
  if (!ops_.empty())
    next = std::min(next, persist_at_);
  return reads_.empty() ? next : std::min(next, reads_.front().deadline);
}

void replica::tick() {
  forget_silent_nonmembers();
  send_heartbeats();
  if (is_coordinator()) {
    advance_phase();
    watch_peers();
    resend_prepares();
    advance_change();
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
    if (!it || !it->decided() || waits_for_barrier(decided_ + 1, *it))
      break;
    ++decided_;
    if (it->state != slot_state::committed)
      apply_.entries.push_back({decided_, 0, true, {}});
    else if (it->kind == entry_kind::change)
      apply_.entries.push_back({decided_, it->id, true, {}});
    else
      apply_.entries.push_back({decided_, it->id, false, it->command});
  }
  become_complete_when_caught_up();
  check_reads();
  advance_change();
}

/// An applied change must be in the meta blob, because this replica, or one that receives its
/// snapshot, starts after the change. An applied abort must be on this disk, because it may be the
/// only remaining trace of the index once the coordinator's disk is lost.
bool replica::waits_for_barrier(spi::log_index index, const slot& it) {
  if (it.state == slot_state::aborted)
    return commit_barrier_ > durable_;
  if (it.state != slot_state::committed || it.kind != entry_kind::change)
    return false;
  if (index > members_since())
    if (auto change = decode_change(it.command))
      take_effect(index, *change);
  return commit_barrier_ > durable_ || handover_index_ == index;
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
  auto limit = std::min(applied_, is_coordinator() ? applied_by_all() : all_applied_);
  auto index = log_.first();
  auto bytes = log_.bytes();
  while (index <= limit &&
         (index + config_.keep_entries <= decided_ || bytes > config_.keep_bytes)) {
    auto it = log_.find(index);
    bytes -= it ? it->command.size() : 0;
    ++index;
  }
  // Each cut costs a record, so small cuts wait; unless large entries may fill the log.
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
  if (!is_coordinator())
    return redirect_to_coordinator(asked.id);
  auto why =
      ok ? proposal_refusal_reason()
         : obstacle{"replica " + std::to_string(self_) + " voted no: " + std::string{reason}};
  if (why)
    return refuse_proposal(asked.id, std::move(why));
  append(asked.id, entry_kind::command, std::move(asked.command));
}

void replica::transfer(spi::replica_id) {
  // The coordinator is always the voter with the lowest id, so leadership cannot be transferred.
}

spi::consensus_status replica::status() const {
  spi::consensus_status out;
  auto leads = is_coordinator() && phase_ == phase::serving;
  out.role = leads              ? spi::replica_role::leader
             : is_coordinator() ? spi::replica_role::candidate
             : is_voter()       ? spi::replica_role::follower
                                : spi::replica_role::learner;
  out.term = epoch_;
  out.leader = is_coordinator() == leads ? leader_id() : 0;
  out.committed = decided_;
  out.accepted = accepted_;
  out.first = log_.first();
  out.pending = validating_.size() + reads_.size();
  if (is_coordinator())
    out.pending += open_entries();
  out.blocked = write_refusal_reason().reason;
  return out;
}

void replica::publish_role() {
  auto now = status();
  effects_.push_back(spi::role_changed{now.role, now.term, now.leader});
}

} // namespace atl::two_phase
