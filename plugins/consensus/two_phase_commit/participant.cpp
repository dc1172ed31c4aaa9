#include "replica.hpp"

#include <algorithm>
#include <utility>

/// A participant: votes, waits for the decision, never guesses it.
namespace atl::two_phase {

void replica::on_coordinator_heartbeat(peer& from, const header& head, const heartbeat& body) {
  if (head.epoch < epoch_ && head.epoch != 0) {
    ++dropped_;
    return;
  }
  if (head.epoch > epoch_)
    promise(head.epoch);
  if (!from.known)
    beat_now_ = true; // a new incarnation of the coordinator's waits for an answer
  from.known = true;
  from.whole = body.whole;
  if (body.whole) {
    coordinator_decided_ = body.decided;
    all_applied_ = std::max(all_applied_, body.all_applied);
  }
  // Sent to this life, so after all votes of the one that lost its disk: whatever those made
  // possible is not beyond the last index the coordinator knows of.
  if (!whole_ && body.whole && head.to_incarnation == incarnation_ && !knows_catch_up_) {
    knows_catch_up_ = true;
    catch_up_to_ = body.last;
    become_whole_when_caught_up();
    if (!whole_)
      fetch_when_stalled();
  }
  cut_log();
}

/// From now on messages of older epochs count for nothing.
void replica::promise(std::uint64_t epoch) {
  epoch_ = epoch;
  follows_ = true;
  put_standing();
  votes_.clear(); // they were for the older epoch
  fetch_.outstanding = false;
  knows_catch_up_ = false;
  beat_now_ = true;
  say_role();
}

void replica::become_whole_when_caught_up() {
  if (whole_ || coordinator() || !knows_catch_up_ || decided_ < catch_up_to_)
    return;
  if (members_since() < heard_.index)
    return; // it may take itself for a voter that it isn't any more
  whole_ = true;
  put_standing();
  beat_now_ = true;
  review_group();
  check_reads();
}

void replica::on_prepare(const header& head, const std::vector<prepare_entry>& entries) {
  if (head.epoch > epoch_)
    promise(head.epoch);
  if (head.epoch != epoch_ || !whole_) {
    ++dropped_;
    return;
  }
  for (auto& entry : entries) {
    if (entry.index <= decided_ || entry.index < log_.first())
      continue;
    if (entry.index > decided_ + config_.window())
      ++dropped_; // too far behind to take more; the coordinator gives up on it in time
    else
      on_prepare_one(entry);
  }
}

void replica::on_prepare_one(const prepare_entry& entry) {
  auto& it = log_.at(entry.index);
  auto votes_here = members().votes(self_);
  // A learner may hold what a coordinator prepared that lost its disk, and nobody else heard of.
  auto stale = !votes_here && it.state == slot_state::prepared && it.epoch < epoch_;
  if (it.state != slot_state::empty && !stale) {
    if (it.state == slot_state::prepared && it.epoch == epoch_ && has_vote(entry))
      votes_.push_back({entry.index, true, {}}); // the first vote got lost, it seems
    return;
  }
  // A yes to a change says that all before it is here; on what follows it those vote that know of
  // it. Both are asked for again in time.
  if (entry.kind == entry_kind::change ? entry.index != decided_ + 1 : !votes_here)
    return;
  if (entry.kind == entry_kind::change && log_.last() > entry.index) {
    if (votes_here)
      return; // nothing is ever prepared behind a change
    ops_.push_back(spi::erase_records{prepare_stream, entry.index, log_.last()});
    ops_.push_back(spi::erase_records{decision_stream, entry.index, log_.last()});
    log_.truncate(entry.index + 1);
  }
  if (entry.kind == entry_kind::command) {
    if (std::exchange(it.asking, true))
      return;
    auto ticket = ++tickets_;
    effects_.push_back(spi::validate{ticket, std::string{entry.command}});
    validating_.emplace(ticket, validation{entry.index, 0, epoch_, std::string{entry.command}});
    return;
  }
  prepare_here(entry.index, entry.kind, std::string{entry.command});
  if (has_vote(entry))
    votes_.push_back({entry.index, true, {}});
}

/// On a change those have a vote who will be voters by it, as well.
bool replica::has_vote(const prepare_entry& entry) const {
  if (members().votes(self_))
    return true;
  auto change = entry.kind == entry_kind::change ? decode_change(entry.command) : std::nullopt;
  return change && change->group.votes(self_);
}

void replica::prepare_here(spi::log_index index, entry_kind kind, std::string command) {
  auto& it = log_.at(index);
  it.epoch = epoch_;
  it.kind = kind;
  log_.set_command(it, std::move(command));
  log_.set_state(index, slot_state::prepared);
  put_prepare(index, it);
  if (kind == entry_kind::change)
    review_group(); // who would come are worth asking what became of it
}

void replica::answer_validation(const validation& asked, bool ok, std::string_view reason) {
  auto it = log_.find(asked.index);
  if (!it)
    return;
  it->asking = false;
  if (coordinator() || asked.epoch != epoch_ || it->state != slot_state::empty ||
      asked.index <= decided_)
    return; // a new coordinator, or the decision came while the host was thinking
  if (ok)
    prepare_here(asked.index, entry_kind::command, asked.command);
  votes_.push_back({asked.index, ok, std::string{reason.substr(0, max_reason_bytes)}});
}

void replica::flush_votes() {
  auto leader = coordinator() ? nullptr : find_peer(leader_id());
  if (votes_.empty() || !leader)
    return votes_.clear();
  auto& to = *leader;
  spi::writer out;
  write_header(out, head_for(to, message_type::vote));
  out.put(static_cast<std::uint32_t>(votes_.size()));
  for (auto& vote : votes_)
    out.put(vote.index).put(vote.yes).put(vote.reason);
  emit_send(to.id, out.take(), after_now());
  votes_.clear();
}

void replica::on_decisions(const std::vector<decide_entry>& decisions) {
  for (auto& made : decisions) {
    auto it = log_.find(made.index);
    if (made.commit && it && it->has_command && it->epoch != epoch_ && !members().votes(self_))
      continue; // a learner that missed what was prepared anew: it has to ask
    auto state = made.commit ? slot_state::command_lost : slot_state::aborted;
    learn({made.index, state, entry_kind::command, epoch_, {}});
  }
  advance_decided();
}

} // namespace atl::two_phase
