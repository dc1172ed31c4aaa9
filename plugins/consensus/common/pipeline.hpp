#pragma once

#include <atoll/spi/consensus.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace atl::pipelining {

/// The entries that are under way from a leader to one replica. They are sent without waiting for
/// answers, up to a window: at first, and after anything went wrong, one message at a time, and one
/// more for each that arrives.
///
/// No event makes more than a window of messages, and what an earlier attempt caused makes none:
/// else answers to messages, and messages for answers, would multiply. What got lost is sent again
/// with a heartbeat, once the answer to a later heartbeat shows that it is missing; to who doesn't
/// answer nothing is.
class pipeline {
 public:
  pipeline() = default;
  explicit pipeline(spi::log_index next) : next_{next} {}

  /// The replica holds everything up to here durably.
  spi::log_index match() const { return match_; }
  /// It has everything up to here, perhaps not yet durably.
  spi::log_index held() const { return std::max(match_, held_); }
  /// The first entry that wasn't sent.
  spi::log_index next() const { return next_; }
  /// Grows whenever sending begins anew.
  std::uint64_t attempt() const { return attempt_; }

  bool may_send(std::size_t window_bytes) const {
    return bytes_under_way_ < window_bytes && not_held() < allowed_;
  }
  /// A message left with the next `count` entries. @param round the newest heartbeat so far
  void sent(std::size_t count, std::size_t bytes, std::uint64_t round);
  void learn_match(spi::log_index index);
  /// As the answer to the newest heartbeat says.
  void learn_held(spi::log_index index);
  /// What was sent may not have arrived.
  void doubt() { allowed_ = 1; }
  /// Whether something that was sent before a heartbeat wasn't there when that was answered.
  bool lacks(std::uint64_t answered_round) const;
  void send_again(spi::log_index from);
  /// It crashed, and is sure of no more than this.
  void forget_beyond(spi::log_index index);

 private:
  struct message {
    spi::log_index last = 0;
    std::size_t bytes = 0;
    std::uint64_t round = 0;
  };

  std::deque<message>::const_iterator first_not_held() const;
  std::size_t not_held() const {
    return static_cast<std::size_t>(under_way_.end() - first_not_held());
  }

  spi::log_index match_ = 0;
  spi::log_index held_ = 0;
  spi::log_index next_ = 1;
  std::uint64_t attempt_ = 0;
  std::size_t allowed_ = 1;       ///< messages under way that aren't held yet
  std::deque<message> under_way_; ///< until they are durable there
  std::size_t bytes_under_way_ = 0;
};

} // namespace atl::pipelining
