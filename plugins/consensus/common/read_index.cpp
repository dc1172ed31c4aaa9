#include "read_index.hpp"

#include <utility>

namespace atl::leader_based {

void leader_reads::assign_round(std::uint64_t round, spi::log_index committed) {
  for (auto it = reads_.rbegin(); it != reads_.rend() && it->round == 0; ++it) {
    it->round = round;
    it->index = committed;
  }
}

std::vector<waiting_read> leader_reads::take_confirmed(std::uint64_t confirmed) {
  std::vector<waiting_read> out;
  while (!reads_.empty() && reads_.front().round != 0 && reads_.front().round <= confirmed) {
    out.push_back(reads_.front());
    reads_.pop_front();
  }
  return out;
}

std::vector<waiting_read> leader_reads::take_expired(spi::timestamp now) {
  std::vector<waiting_read> out;
  while (!reads_.empty() && now >= reads_.front().deadline) {
    out.push_back(reads_.front());
    reads_.pop_front();
  }
  return out;
}

std::vector<waiting_read> leader_reads::take_all() {
  std::vector<waiting_read> out(reads_.begin(), reads_.end());
  reads_.clear();
  return out;
}

std::size_t follower_reads::size() const {
  auto count = unsent_.size();
  for (auto& [nonce, batch] : forwarded_)
    count += batch.ids.size();
  return count;
}

spi::timestamp follower_reads::deadline() const {
  return forwarded_.empty() ? spi::timestamp::max() : forwarded_.begin()->second.deadline;
}

read_ticket follower_reads::forward(spi::timestamp deadline) {
  forwarded_[++nonces_] = {std::exchange(unsent_, {}), deadline};
  return {incarnation_, nonces_};
}

std::vector<spi::request_id> follower_reads::take_answered(const read_ticket& ticket) {
  auto found = forwarded_.find(ticket.nonce);
  if (ticket.incarnation != incarnation_ || found == forwarded_.end())
    return {};
  auto ids = std::move(found->second.ids);
  forwarded_.erase(found);
  return ids;
}

std::vector<spi::request_id> follower_reads::take_expired(spi::timestamp now) {
  std::vector<spi::request_id> out;
  while (!forwarded_.empty() && now >= forwarded_.begin()->second.deadline) {
    auto& ids = forwarded_.begin()->second.ids;
    out.insert(out.end(), ids.begin(), ids.end());
    forwarded_.erase(forwarded_.begin());
  }
  return out;
}

std::vector<spi::request_id> follower_reads::take_all() {
  auto out = std::exchange(unsent_, {});
  for (auto& [nonce, batch] : std::exchange(forwarded_, {}))
    out.insert(out.end(), batch.ids.begin(), batch.ids.end());
  return out;
}

} // namespace atl::leader_based
