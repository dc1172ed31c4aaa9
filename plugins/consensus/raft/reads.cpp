#include "replica.hpp"

/// Linearizable reads without a write (dissertation, 6.4): a leader notes how far it has decided,
/// makes sure by a round of heartbeats that it still leads, and only then answers.
namespace atl::raft {

void replica::read(spi::request_id id, spi::read_level level) {
  if (stopped_)
    return;
  if (level == spi::read_level::local) {
    effects_.push_back(spi::read_ready{id, given_});
    return;
  }
  if (reads_.size() + reads_to_forward_.size() + forwarded_.size() >= max_reads)
    effects_.push_back(spi::read_refused{id, 0, "too many reads are waiting; try again"});
  else if (role_ == role::leader)
    queue_read({id, self_, {}, 0, 0, now_ + config_.read_timeout});
  else if (leader_ == 0)
    effects_.push_back(spi::read_refused{id, 0, "no leader is elected; try again"});
  else
    reads_to_forward_.push_back(id);
}

void replica::queue_read(waiting_read it) {
  reads_.push_back(it);
}

/// Gives reads that have none yet the position and the round that they wait for. A new leader knows
/// what is decided only when it has decided something itself.
void replica::place_reads() {
  if (reads_.empty() || reads_.back().round != 0 || commit_ < term_start_)
    return;
  ++round_;
  beat_wanted_ = true;
  for (auto it = reads_.rbegin(); it != reads_.rend() && it->round == 0; ++it) {
    it->round = round_;
    it->position = commit_;
  }
  release_reads();
}

void replica::release_reads() {
  if (reads_.empty() || reads_.front().round == 0)
    return;
  auto confirmed = agreed([&](spi::replica_id id) -> std::uint64_t {
    if (id == self_)
      return round_;
    auto peer = peers_.find(id);
    return peer == peers_.end() ? 0 : peer->second.round;
  });
  while (!reads_.empty() && reads_.front().round != 0 && reads_.front().round <= confirmed) {
    finish_read(reads_.front(), true, {});
    reads_.pop_front();
  }
}

void replica::finish_read(const waiting_read& it, bool ok, const std::string& why) {
  if (it.from != self_)
    emit_send(it.from, encode(term_, read_answer{it.asked, ok, it.position}), after_meta());
  else if (ok)
    effects_.push_back(spi::read_ready{it.id, it.position});
  else
    effects_.push_back(spi::read_refused{it.id, leader_ == self_ ? 0 : leader_, why});
}

void replica::forward_reads() {
  if (reads_to_forward_.empty())
    return;
  if (leader_ == 0)
    return refuse_reads("no leader is elected; try again");
  auto nonce = ++nonces_;
  forwarded_[nonce] = {std::exchange(reads_to_forward_, {}), now_ + config_.read_timeout};
  emit_send(leader_, encode(term_, read_request{life_, nonce}), after_meta());
}

void replica::on_message(spi::replica_id from, std::uint64_t term, const read_request& asked) {
  if (role_ == role::leader && term == term_ && peers_.contains(from) && reads_.size() < max_reads)
    return queue_read({0, from, asked, 0, 0, now_ + config_.read_timeout});
  emit_send(from, encode(term_, read_answer{asked, false, 0}), after_meta());
}

void replica::on_message(spi::replica_id, std::uint64_t, const read_answer& answer) {
  auto batch = forwarded_.find(answer.asked.nonce);
  if (batch == forwarded_.end() || answer.asked.life != life_)
    return;
  for (auto id : batch->second.ids)
    if (answer.ok)
      effects_.push_back(spi::read_ready{id, answer.position});
    else
      effects_.push_back(spi::read_refused{id, leader_, "the leader changed; try again"});
  forwarded_.erase(batch);
}

void replica::expire_reads() {
  while (!reads_.empty() && now_ >= reads_.front().deadline) {
    finish_read(reads_.front(), false, "no majority confirmed the leader in time; try again");
    reads_.pop_front();
  }
  while (!forwarded_.empty() && now_ >= forwarded_.begin()->second.deadline) {
    for (auto id : forwarded_.begin()->second.ids)
      effects_.push_back(spi::read_refused{id, leader_, "the leader didn't answer in time"});
    forwarded_.erase(forwarded_.begin());
  }
}

void replica::refuse_reads(const std::string& why) {
  for (auto& it : std::exchange(reads_, {}))
    finish_read(it, false, why);
  for (auto& [nonce, batch] : std::exchange(forwarded_, {}))
    for (auto id : batch.ids)
      effects_.push_back(spi::read_refused{id, leader_, why});
  for (auto id : std::exchange(reads_to_forward_, {}))
    effects_.push_back(spi::read_refused{id, leader_, why});
}

} // namespace atl::raft
