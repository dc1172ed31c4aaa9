#pragma once

#include <atoll/spi/consensus.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace atl::leader_based {

/// The entries in flight from a leader to one peer. The leader sends without waiting for responses,
/// up to a window. It begins with one message at a time, and again after anything went wrong; each
/// message that arrives allows one more.
///
/// A peer that does not respond is sent heartbeats only. Each event triggers at most one window of
/// messages, and responses to an earlier attempt trigger none; otherwise requests and responses
/// would amplify each other. A lost message is sent again with a heartbeat, once the response to a
/// later heartbeat shows that its entries are missing.
class inflight_window {
 public:
  /// Sends nothing: the leader doesn't know yet what the peer has.
  inflight_window() = default;
  explicit inflight_window(spi::log_index next) : started_{true}, next_{next} {}

  bool is_started() const { return started_; }
  /// The peer has all entries up to this index on its disk.
  spi::log_index match() const { return match_; }
  /// The peer has received all entries up to this index; perhaps they aren't durable there yet.
  spi::log_index acknowledged() const { return std::max(match_, acknowledged_); }
  /// The first entry that wasn't sent.
  spi::log_index next() const { return next_; }
  /// Grows whenever the leader starts to send again from an earlier index.
  std::uint64_t attempt() const { return attempt_; }

  bool has_capacity(std::size_t window_bytes) const {
    return started_ && inflight_bytes_ < window_bytes && unacknowledged() < allowed_;
  }
  /// A message with the next `count` entries was sent. @param round the newest heartbeat round
  void sent(std::size_t count, std::size_t bytes, std::uint64_t round);
  void learn_match(spi::log_index index);
  /// @param index as the response to the newest heartbeat says
  void learn_acknowledged(spi::log_index index);
  /// Messages in flight may be lost: sends no further ones until the peer acknowledges some.
  void probe() { allowed_ = 1; }
  /// Whether a message is missing that was sent before the heartbeat round that the peer answered.
  bool has_lost(std::uint64_t answered_round) const;
  void resend_from(spi::log_index from);
  /// The peer crashed, and vouches for no entry after `index`.
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

  bool started_ = false;
  spi::log_index match_ = 0;
  spi::log_index acknowledged_ = 0;
  spi::log_index next_ = 1;
  std::uint64_t attempt_ = 0;
  std::size_t allowed_ = 1;      ///< messages that may be unacknowledged at a time
  std::deque<message> inflight_; ///< not yet durable at the peer
  std::size_t inflight_bytes_ = 0;
};

} // namespace atl::leader_based
