#include "replica.hpp"

/// Reads, and when they may be answered.
namespace atl::two_phase {

namespace {

/// Target of a read that arrived before this replica caught up.
constexpr spi::log_index target_unknown = UINT64_MAX;

} // namespace

spi::log_index replica::read_target() const {
  if (is_coordinator() &&
      !needs_collect_) // the outcomes that recovery found: other replicas may have applied them
    return std::max(decided_, first_undecided_ - 1);
  // An entry is committed only with this voter's vote, so all committed entries are in its log.
  return std::max(log_.last(), decided_);
}

void replica::read(spi::request_id id, spi::read_level level) {
  if (stopped_)
    return effects_.push_back(spi::read_refused{id, 0, "this replica has stopped"});
  if (level == spi::read_level::local)
    return effects_.push_back(spi::read_ready{id, decided_});
  if (!is_voter())
    return effects_.push_back(spi::read_refused{id, leader_id(), read_refusal_reason()});
  if (reads_.size() >= config_.window())
    return effects_.push_back(
        spi::read_refused{id, 0, "busy: too many reads are waiting; try again"});
  reads_.push_back({id, complete_ ? read_target() : target_unknown, now_ + config_.read_timeout});
  check_reads();
}

void replica::check_reads() {
  while (complete_ && !reads_.empty()) {
    auto& it = reads_.front();
    if (it.target == target_unknown)
      it.target = read_target();
    if (decided_ < it.target)
      return;
    effects_.push_back(spi::read_ready{it.id, decided_});
    reads_.pop_front();
  }
}

/// Refuses all pending reads, because this replica is not a voter.
void replica::refuse_reads() {
  for (auto& it : reads_)
    effects_.push_back(spi::read_refused{it.id, leader_id(), read_refusal_reason()});
  reads_.clear();
}

std::string replica::read_refusal_reason() const {
  auto self = "replica " + std::to_string(self_);
  if (!is_voter())
    return self +
           (known_group().contains(self_) ? " is a learner" : " is not a member of the group") +
           ", and may lack committed writes: read at one of the voters " +
           list(latest_group_.group.voters);
  if (!complete_)
    return self + " lost its disk, or is new, and has not caught up yet: read at another "
                  "replica";
  auto doubt = self + " holds index " + std::to_string(decided_ + 1) + " in doubt, and ";
  if (is_coordinator())
    return doubt + "must hear from all other voters, because the entry may be committed: " +
           write_refusal_reason().reason;
  return doubt + "no reachable replica knows the decision: wait until replica " +
         std::to_string(leader_id()) + " is back";
}

} // namespace atl::two_phase
