#pragma once

#include <atoll/spi/consensus.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace atl::leader_based {

/// The entries that are under way from a leader to one replica. They are sent without waiting for
/// answers, up to a window: at first, and after anything went wrong, one message at a time, and one
/// more for each that arrives.
///
/// No event makes more than a window of messages, and what an earlier attempt caused makes none:
/// else answers to messages, and messages for answers, would multiply. What got lost is sent again
/// with a heartbeat, once the answer to a later heartbeat shows that it is missing; to who doesn't
/// answer nothing is.
class inflight_window {
 public:
  inflight_window() = default;
  explicit inflight_window(spi::log_index next) : next_{next} {}

  /// The replica holds everything up to here durably.
  spi::log_index match() const { return match_; }
  /// It has everything up to here, perhaps not yet durably.
  spi::log_index acknowledged() const { return std::max(match_, acknowledged_); }
  /// The first entry that wasn't sent.
  spi::log_index next() const { return next_; }
  /// Grows whenever sending begins anew.
  std::uint64_t attempt() const { return attempt_; }

  bool has_capacity(std::size_t window_bytes) const {
    return inflight_bytes_ < window_bytes && unacknowledged() < messages_max_;
  }
  /// A message left with the next `count` entries. @param round the newest heartbeat so far
  void sent(std::size_t count, std::size_t bytes, std::uint64_t round);
  void learn_match(spi::log_index index);
  /// As the answer to the newest heartbeat says.
  void learn_acknowledged(spi::log_index index);
  /// What was sent may not have arrived.
  void probe() { messages_max_ = 1; }
  /// Whether something that was sent before a heartbeat wasn't there when that was answered.
  bool has_lost(std::uint64_t answered_round) const;
  void resend_from(spi::log_index from);
  /// It crashed, and is sure of no more than this.
  void rewind_to(spi::log_index index);

 private:
  struct message {
    spi::log_index last = 0;
    std::size_t bytes = 0;
    std::uint64_t round = 0;
  };

  std::deque<message>::const_iterator first_unacknowledged() const;
  std::size_t unacknowledged() const {
    return static_cast<std::size_t>(inflight_.end() - first_unacknowledged());
  }

  spi::log_index match_ = 0;
  spi::log_index acknowledged_ = 0;
  spi::log_index next_ = 1;
  std::uint64_t attempt_ = 0;
  std::size_t messages_max_ = 1; ///< messages under way that aren't held yet
  std::deque<message> inflight_; ///< until they are durable there
  std::size_t inflight_bytes_ = 0;
};

} // namespace atl::leader_based
