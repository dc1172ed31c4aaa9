#pragma once

#include "../common/election_timer.hpp"

#include <atoll/spi/consensus.hpp>

namespace atl::raft {

/// A replica's promise to the leaders that it hears: for so long after a leader's message it grants
/// no vote, not even to itself. Without leases the promise has no length.
///
/// The promise outlives a crash. A replica that starts has forgotten which leader it heard, and
/// grants no vote until a promise of its previous incarnation is over.
class vote_promise {
 public:
  /// The longest promise that may be in force, of this incarnation or the previous one. Durable.
  spi::timestamp longest() const { return longest_; }
  spi::timestamp length() const { return length_; }

  void restore(spi::timestamp longest) { longest_ = longest; }
  /// @returns whether `longest()` grew
  bool begin(spi::timestamp now, spi::timestamp length);
  /// A longer promise, made under other options before a restart, is kept until it is over.
  /// @returns whether `longest()` shrank
  bool expire_old(spi::timestamp now);
  /// Whether a promise of the previous incarnation may be in force.
  bool is_old_in_force(spi::timestamp now) const { return now < old_until_; }
  /// Until then this replica grants no vote.
  spi::timestamp until(const leader_based::election_timer& timer) const;

 private:
  spi::timestamp longest_{0};
  spi::timestamp length_{0};
  spi::timestamp old_until_{0};
};

} // namespace atl::raft
