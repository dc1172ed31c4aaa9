#include "replica.hpp"

#include <algorithm>

/// Proposals: which are accepted, and why others are refused.
namespace atl::two_phase {

obstacle replica::write_refusal_reason() const {
  if (stopped_)
    return {"this replica has stopped"};
  if (!is_coordinator()) {
    auto leader = peers_.find(leader_id());
    if (leader != peers_.end() && is_down(leader->second))
      return {"the coordinator is down: " + describe_silence(leader->second)};
    return complete_ || !is_voter()
               ? obstacle{}
               : busy("this replica lost its disk, or is new, and is catching up");
  }
  auto needed = phase_ == phase::serving ? other_voters() : replicas_to_collect();
  for (auto id : needed)
    if (auto& it = peers_.at(id); is_down(it))
      return {describe_silence(it) +
              "; two-phase commit needs every participant: bring the replica back"};
  for (auto id : needed) {
    auto& it = peers_.at(id);
    auto name = "replica " + std::to_string(it.id);
    // A restarted peer's state is known once it answers this incarnation.
    if (phase_ == phase::serving && !it.known)
      return busy(name + " has restarted and not yet joined epoch " + std::to_string(epoch_));
    if (phase_ == phase::serving && !it.complete)
      return busy(name + " lost its disk, or is new, and is catching up: it has " +
                  std::to_string(it.decided) + " of " + std::to_string(decided_) + " entries");
    if (phase_ != phase::probing && (!it.known || it.epoch != epoch_))
      return busy(name + " has not yet joined epoch " + std::to_string(epoch_));
  }
  if (phase_ == phase::serving) {
    for (auto id : known_group().voters)
      if (has(declared_lost_, id))
        return {"replica " + std::to_string(id) +
                " was declared lost: remove it from the group, or replace it"};
    return {};
  }
  if (!collect_blocked_reason_.empty())
    return {collect_blocked_reason_};
  return busy("replica " + std::to_string(self_) +
              " is recovering from its peers what its own disk lacks");
}

/// A change requires that no other entry is open, and blocks later proposals until it is decided.
obstacle replica::proposal_refusal_reason() const {
  auto why = write_refusal_reason();
  return !why && change_ && !change_->waits_for_joiners
             ? busy("busy: the members of the group are being changed; try again")
             : why;
}

void replica::refuse_proposal(spi::request_id id, obstacle why, spi::replica_id hint) {
  effects_.push_back(spi::refuse{id, why.kind, hint, std::move(why.reason)});
}

/// Refuses a request on a replica that does not coordinate. Names the coordinator only if it would
/// accept the request.
void replica::redirect_to_coordinator(spi::request_id id) {
  if (stopped_)
    return refuse_proposal(id, write_refusal_reason());
  auto leader = leader_id();
  if (leader == self_ || leader == 0)
    return refuse_proposal(
        id, busy("replica " + std::to_string(self_) +
                 " will coordinate this group, and has not heard from all members yet"));
  if (auto why = is_member() ? write_refusal_reason() : obstacle{})
    return refuse_proposal(id, std::move(why));
  refuse_proposal(id, {"replica " + std::to_string(leader) + " coordinates this group"}, leader);
}

void replica::propose(spi::request_id id, std::string command) {
  if (auto why = write_refusal_reason(); !is_coordinator() && why)
    return refuse_proposal(id, std::move(why));
  if (!is_coordinator())
    return redirect_to_coordinator(id);
  if (auto why = proposal_refusal_reason())
    return refuse_proposal(id, std::move(why));
  if (command.size() > command_bytes_max)
    return refuse_proposal(id, {"the command of " + std::to_string(command.size()) +
                                " bytes is larger than the limit of 16 MiB"});
  if (open_entries() + validating_.size() >= config_.in_flight_max)
    return refuse_proposal(id, busy("busy: " + std::to_string(config_.in_flight_max) +
                                    " proposals are in flight; try again"));
  if (log_.bytes() > config_.log_bytes)
    return refuse_proposal(
        id,
        busy("busy: the log is full, because a replica's state machine has only applied index " +
             std::to_string(applied_by_all()) + "; try again"));
  auto ticket = ++last_ticket_;
  effects_.push_back(spi::validate{ticket, command});
  validating_.emplace(ticket, validation{0, id, epoch_, std::move(command)});
}

std::size_t replica::open_entries() const {
  auto first = std::max(log_.first(), decided_ + 1);
  return log_.end() > first ? log_.end() - first : 0;
}

void replica::append(spi::request_id id, entry_kind kind, std::string command) {
  auto index = std::max(log_.last(), decided_) + 1;
  auto& it = log_.at(index);
  it.epoch = epoch_;
  it.kind = kind;
  it.id = id;
  it.since = now_;
  it.votes = 0; // this replica's own vote counts when the entry is durable
  log_.set_command(it, std::move(command));
  log_.set_state(index, slot_state::prepared);
  put_prepare(index, it);
  new_prepares_.push_back(index);
}

} // namespace atl::two_phase
