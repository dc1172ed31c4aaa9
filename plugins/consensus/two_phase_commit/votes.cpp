#include "replica.hpp"

#include <algorithm>

/// The coordinator collects votes, and aborts entries whose votes are overdue.
namespace atl::two_phase {

void replica::on_votes(peer& from, const header& head, const std::vector<vote_entry>& votes) {
  if (head.epoch != epoch_ || phase_ != phase::serving || bit_of(from.id) == 0) {
    ++dropped_;
    return;
  }
  auto progressed = false;
  for (auto& vote : votes) {
    if (vote.yes)
      progressed = record_vote(vote.index, bit_of(from.id)) || progressed;
    else if (is_open(vote.index))
      abort(vote.index,
            {"replica " + std::to_string(from.id) + " voted no: " + std::string{vote.reason}});
  }
  if (progressed)
    advance_decided();
}

/// True while the index has neither a decision nor one that is being written; only then do votes
/// count.
bool replica::is_open(spi::log_index index) const {
  auto it = index > decided_ ? log_.find(index) : nullptr;
  return it && it->state == slot_state::prepared && it->pending == decision::none;
}

/// @returns whether this vote completed the set, which commits the entry.
bool replica::record_vote(spi::log_index index, std::uint64_t bit) {
  if (!is_open(index))
    return false;
  auto& it = *log_.find(index);
  it.votes |= bit;
  if (it.votes != all_votes_)
    return false;
  commit(index);
  return true;
}

/// Counts this coordinator's own vote: its prepare record is durable. @returns whether that
/// committed the entry.
bool replica::record_own_vote(spi::log_index index) {
  auto votes = !stopped_ && is_coordinator() && phase_ == phase::serving;
  return votes && is_open(index) && log_.find(index)->epoch == epoch_ &&
         record_vote(index, bit_of(self_));
}

std::string replica::missing_votes(std::uint64_t votes) const {
  std::string out;
  for (auto id : quorum_)
    if ((votes & bit_of(id)) == 0)
      out += (out.empty() ? "" : ", ") + std::to_string(id);
  return out;
}

spi::timestamp replica::vote_deadline() const {
  if (phase_ != phase::serving)
    return spi::timestamp::max();
  for (auto index = std::max(first_undecided_, decided_ + 1); index < log_.end(); ++index) {
    if (is_open(index))
      return log_.find(index)->since + config_.vote_timeout;
  }
  return spi::timestamp::max();
}

void replica::abort_overdue() {
  if (phase_ != phase::serving)
    return;
  for (first_undecided_ = std::max({first_undecided_, decided_ + 1, log_.first()});
       first_undecided_ < log_.end(); ++first_undecided_) {
    if (!is_open(first_undecided_))
      continue;
    auto& it = *log_.find(first_undecided_);
    if (now_ < it.since + config_.vote_timeout)
      return;
    abort(first_undecided_,
          busy("no vote arrived in time from replica " + missing_votes(it.votes)));
  }
}

/// Aborts the open entries that lack the vote of `missing`, or all open entries.
void replica::abort_open(const peer& missing, bool all, const std::string& reason) {
  auto bit = bit_of(missing.id);
  if (phase_ != phase::serving || bit == 0)
    return;
  for (auto index = std::max(decided_ + 1, log_.first()); index < log_.end(); ++index)
    if (is_open(index) && (all || (log_.find(index)->votes & bit) == 0))
      abort(index, {reason});
}

} // namespace atl::two_phase
