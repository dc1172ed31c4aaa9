#include "pipeline.hpp"

namespace atl::pipelining {

namespace {

/// More than any window has.
constexpr std::size_t messages_max = std::size_t{1} << 20;

} // namespace

std::deque<pipeline::message>::const_iterator pipeline::first_not_held() const {
  return std::partition_point(under_way_.begin(), under_way_.end(),
                              [this](auto& it) { return it.last <= held(); });
}

void pipeline::sent(std::size_t count, std::size_t bytes, std::uint64_t round) {
  next_ += count;
  under_way_.push_back({next_ - 1, bytes, round});
  bytes_under_way_ += bytes;
}

void pipeline::learn_match(spi::log_index index) {
  if (index <= match_)
    return;
  auto before = not_held();
  match_ = index;
  next_ = std::max(next_, match_ + 1);
  allowed_ = std::min(allowed_ + before - not_held(), messages_max);
  while (!under_way_.empty() && under_way_.front().last <= match_) {
    bytes_under_way_ -= under_way_.front().bytes;
    under_way_.pop_front();
  }
}

void pipeline::learn_held(spi::log_index index) {
  auto before = not_held();
  held_ = index;
  if (auto after = not_held(); after < before)
    allowed_ = std::min(allowed_ + before - after, messages_max);
}

bool pipeline::lacks(std::uint64_t answered_round) const {
  auto missing = first_not_held();
  return missing != under_way_.end() && missing->round < answered_round;
}

void pipeline::send_again(spi::log_index from) {
  ++attempt_;
  allowed_ = 1;
  next_ = from;
  under_way_.clear();
  bytes_under_way_ = 0;
}

void pipeline::forget_beyond(spi::log_index index) {
  match_ = index;
  held_ = 0;
  send_again(index + 1);
}

} // namespace atl::pipelining
