#include "replica.hpp"

#include <algorithm>

/// A participant: votes, waits for the decision, never guesses it.
namespace atl::two_phase {

void replica::start_participant(bool intact) {
  whole_ = intact;
  say_role();
}

void replica::on_coordinator_heartbeat(peer& from, const header& head, const heartbeat& body) {
  if (head.epoch < epoch_ && head.epoch != 0) {
    ++dropped_;
    return;
  }
  if (head.epoch > epoch_)
    promise(head.epoch);
  if (!from.known)
    beat_now_ = true; // a new life of the coordinator's waits for an answer
  from.known = true;
  from.whole = body.whole;
  from.decided = std::max(from.decided, body.decided);
  if (body.whole) {
    coordinator_decided_ = body.decided;
    all_applied_ = std::max(all_applied_, body.all_applied);
  }
  // Sent to this life, so after all votes of the one that lost its disk: whatever those made
  // possible is not beyond the last position the coordinator knows of.
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
  put_meta();
  votes_.clear(); // they were for the older epoch
  fetch_.outstanding = false;
  knows_catch_up_ = false;
  beat_now_ = true;
  say_role();
}

void replica::become_whole_when_caught_up() {
  if (whole_ || coordinator() || !knows_catch_up_ || decided_ < catch_up_to_)
    return;
  whole_ = true;
  put_meta();
  beat_now_ = true;
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
    if (entry.position <= decided_ || entry.position < log_.first())
      continue;
    if (entry.position > decided_ + config_.window()) {
      ++dropped_;
      continue; // too far behind to take more; the coordinator gives up on it in time
    }
    auto& it = log_.at(entry.position);
    if (it.state == slot_state::prepared && it.epoch == epoch_) {
      votes_.push_back({entry.position, true, {}}); // the first vote got lost, it seems
    } else if (it.state == slot_state::empty && !it.asking) {
      it.asking = true;
      auto ticket = ++tickets_;
      effects_.push_back(spi::validate{ticket, std::string{entry.command}});
      validating_.emplace(ticket,
                          validation{entry.position, 0, epoch_, std::string{entry.command}});
    }
  }
}

void replica::answer_validation(const validation& asked, bool ok, std::string_view reason) {
  auto it = log_.find(asked.position);
  if (!it)
    return;
  it->asking = false;
  if (asked.epoch != epoch_ || it->state != slot_state::empty || asked.position <= decided_)
    return; // a new coordinator, or the decision came while the host was thinking
  if (ok) {
    it->epoch = asked.epoch;
    log_.set_command(*it, asked.command);
    log_.set_state(asked.position, slot_state::prepared);
    put_prepare(asked.position, *it);
  }
  votes_.push_back({asked.position, ok, std::string{reason.substr(0, max_reason_bytes)}});
}

void replica::flush_votes() {
  if (votes_.empty())
    return;
  auto& to = peers_.front();
  spi::writer out;
  write_header(out, head_for(to, message_type::vote));
  out.put(static_cast<std::uint32_t>(votes_.size()));
  for (auto& vote : votes_)
    out.put(vote.position).put(vote.yes).put(vote.reason);
  emit_send(to.id, out.take(), after_now());
  votes_.clear();
}

void replica::on_decisions(const std::vector<decide_entry>& decisions) {
  for (auto& made : decisions)
    learn(made.position, made.commit, nullptr, epoch_);
  advance_decided();
}

} // namespace atl::two_phase
