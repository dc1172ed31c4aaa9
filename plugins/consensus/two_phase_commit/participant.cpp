#include "replica.hpp"

#include <algorithm>
#include <utility>

/// A participant: votes, then waits for the decision and never guesses it.
namespace atl::two_phase {

void replica::on_coordinator_heartbeat(peer& from, const header& head, const heartbeat& body) {
  if (head.epoch < epoch_ && head.epoch != 0) {
    ++dropped_;
    return;
  }
  if (head.epoch > epoch_)
    promise(head.epoch);
  if (!from.known)
    heartbeat_due_ = true; // a restarted coordinator waits for this heartbeat
  from.known = true;
  from.complete = body.complete;
  if (body.complete) {
    coordinator_decided_ = body.decided;
    all_applied_ = std::max(all_applied_, body.all_applied);
  }
  // The heartbeat was sent after this incarnation began, hence after all votes of the incarnation
  // that lost its disk: every entry that those votes may have committed is at or before
  // `body.last`.
  if (!complete_ && body.complete && head.to_incarnation == incarnation_ && !knows_catch_up_) {
    knows_catch_up_ = true;
    catch_up_to_ = body.last;
    become_complete_when_caught_up();
    if (!complete_)
      fetch_when_stalled();
  }
  cut_log();
}

/// Promises to reject messages of older epochs.
void replica::promise(std::uint64_t epoch) {
  epoch_ = epoch;
  was_participant_ = true;
  put_hard_state();
  votes_.clear(); // those votes were for the older epoch
  fetch_.outstanding = false;
  knows_catch_up_ = false;
  heartbeat_due_ = true;
  publish_role();
}

void replica::become_complete_when_caught_up() {
  if (complete_ || is_coordinator() || !knows_catch_up_ || decided_ < catch_up_to_)
    return;
  if (members_since() < latest_group_.index)
    return; // a later change may have removed this replica's vote
  complete_ = true;
  put_hard_state();
  heartbeat_due_ = true;
  on_group_changed();
  check_reads();
}

void replica::on_prepare(const header& head, const std::vector<prepare_entry>& entries) {
  if (head.epoch > epoch_)
    promise(head.epoch);
  if (head.epoch != epoch_ || !complete_) {
    ++dropped_;
    return;
  }
  for (auto& entry : entries) {
    if (entry.index <= decided_ || entry.index < log_.first())
      continue;
    if (entry.index > decided_ + config_.window())
      ++dropped_; // too far behind; the coordinator aborts the entry after `vote_timeout`
    else
      on_prepare_entry(entry);
  }
}

void replica::on_prepare_entry(const prepare_entry& entry) {
  auto& it = log_.at(entry.index);
  auto is_voter_here = members().is_voter(self_);
  // A learner may hold an entry prepared by a coordinator that has since lost its disk; no voter
  // knows of it.
  auto stale = !is_voter_here && it.state == slot_state::prepared && it.epoch < epoch_;
  if (it.state != slot_state::empty && !stale) {
    if (it.state == slot_state::prepared && it.epoch == epoch_ && can_vote_on(entry))
      votes_.push_back({entry.index, true, {}}); // the first vote was probably lost
    return;
  }
  // A yes to a change promises that all earlier entries are decided here, and an entry after a
  // change is voted on only by a replica that knows the change. The coordinator sends the prepare
  // again later in both cases.
  if (entry.kind == entry_kind::change ? entry.index != decided_ + 1 : !is_voter_here)
    return;
  if (entry.kind == entry_kind::change && log_.last() > entry.index) {
    if (is_voter_here)
      return; // no voter prepares an entry after an undecided change
    ops_.push_back(spi::erase_records{prepare_stream, entry.index, log_.last()});
    ops_.push_back(spi::erase_records{decision_stream, entry.index, log_.last()});
    log_.truncate(entry.index + 1);
  }
  if (entry.kind == entry_kind::command) {
    if (std::exchange(it.validating, true))
      return;
    auto ticket = ++last_ticket_;
    effects_.push_back(spi::validate{ticket, std::string{entry.command}});
    validating_.emplace(ticket, validation{entry.index, 0, epoch_, std::string{entry.command}});
    return;
  }
  prepare_here(entry.index, entry.kind, std::string{entry.command});
  if (can_vote_on(entry))
    votes_.push_back({entry.index, true, {}});
}

/// The voters that a change adds vote on the change as well.
bool replica::can_vote_on(const prepare_entry& entry) const {
  if (members().is_voter(self_))
    return true;
  auto change = entry.kind == entry_kind::change ? decode_change(entry.command) : std::nullopt;
  return change && change->group.is_voter(self_);
}

void replica::prepare_here(spi::log_index index, entry_kind kind, std::string command) {
  auto& it = log_.at(index);
  it.epoch = epoch_;
  it.kind = kind;
  log_.set_command(it, std::move(command));
  log_.set_state(index, slot_state::prepared);
  put_prepare(index, it);
  if (kind == entry_kind::change)
    on_group_changed(); // the joining replicas may know the decision on the change
}

void replica::answer_validation(const validation& asked, bool ok, std::string_view reason) {
  auto it = log_.find(asked.index);
  if (!it)
    return;
  it->validating = false;
  if (is_coordinator() || asked.epoch != epoch_ || it->state != slot_state::empty ||
      asked.index <= decided_)
    return; // the epoch changed or the decision arrived during validation
  if (ok)
    prepare_here(asked.index, entry_kind::command, asked.command);
  votes_.push_back({asked.index, ok, std::string{reason.substr(0, reason_bytes_max)}});
}

void replica::flush_votes() {
  auto leader = is_coordinator() ? nullptr : find_peer(leader_id());
  if (votes_.empty() || !leader)
    return votes_.clear();
  auto& to = *leader;
  spi::writer out;
  write_header(out, head_for(to, message_type::vote));
  out.put(static_cast<std::uint32_t>(votes_.size()));
  for (auto& vote : votes_)
    out.put(vote.index).put(vote.yes).put(vote.reason);
  emit_send(to.id, out.take(), after_queued_ops());
  votes_.clear();
}

void replica::on_decisions(const std::vector<decide_entry>& decisions) {
  for (auto& made : decisions) {
    auto it = log_.find(made.index);
    if (made.commit && it && it->has_command && it->epoch != epoch_ && !members().is_voter(self_))
      continue; // this learner holds an outdated prepare, and has to fetch the entry
    auto state = made.commit ? slot_state::command_lost : slot_state::aborted;
    learn({made.index, state, entry_kind::command, epoch_, {}});
  }
  advance_decided();
}

} // namespace atl::two_phase
