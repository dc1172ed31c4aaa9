#include "inflight_window.hpp"

namespace atl::leader_based {

namespace {

/// An upper bound that no window reaches.
constexpr std::size_t messages_max = std::size_t{1} << 20;

} // namespace

std::deque<inflight_window::message>::const_iterator inflight_window::first_unacknowledged() const {
  return std::partition_point(inflight_.begin(), inflight_.end(),
                              [this](auto& sent) { return sent.last <= acknowledged(); });
}

void inflight_window::sent(std::size_t count, std::size_t bytes, std::uint64_t round) {
  next_ += count;
  inflight_.push_back({next_ - 1, bytes, round});
  inflight_bytes_ += bytes;
}

void inflight_window::learn_match(spi::log_index index) {
  if (index <= match_)
    return;
  auto before = unacknowledged();
  match_ = index;
  next_ = std::max(next_, match_ + 1);
  allowed_ = std::min(allowed_ + before - unacknowledged(), messages_max);
  while (!inflight_.empty() && inflight_.front().last <= match_) {
    inflight_bytes_ -= inflight_.front().bytes;
    inflight_.pop_front();
  }
}

void inflight_window::learn_acknowledged(spi::log_index index) {
  auto before = unacknowledged();
  acknowledged_ = index;
  if (auto after = unacknowledged(); after < before)
    allowed_ = std::min(allowed_ + before - after, messages_max);
}

bool inflight_window::has_lost(std::uint64_t answered_round) const {
  auto missing = first_unacknowledged();
  return missing != inflight_.end() && missing->round < answered_round;
}

void inflight_window::resend_from(spi::log_index from) {
  ++attempt_;
  allowed_ = 1;
  next_ = from;
  inflight_.clear();
  inflight_bytes_ = 0;
}

void inflight_window::rewind_to(spi::log_index index) {
  match_ = index;
  acknowledged_ = 0;
  resend_from(index + 1);
}

} // namespace atl::leader_based
