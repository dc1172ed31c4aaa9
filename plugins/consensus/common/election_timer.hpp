#pragma once

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>

namespace atl::leader_based {

/// When a follower campaigns: an election timeout after the last contact with its leader, plus a
/// random share of up to the same length, so that replicas rarely campaign at the same time
/// (Ongaro's dissertation, 3.4). A pre-vote changes nothing, so it is repeated after a short
/// timeout: two heartbeats plus a random share of up to the same length.
///
/// `factor` multiplies a timeout; a replica that should let others go first passes more than 1.
class election_timer {
 public:
  election_timer(spi::timestamp election_timeout, spi::timestamp heartbeat, std::uint64_t seed)
      : election_timeout_{election_timeout}, heartbeat_{heartbeat}, random_{seed} {}

  /// When this replica campaigns, unless it has contact with a leader before.
  spi::timestamp deadline() const { return deadline_; }
  bool has_heard_leader() const { return has_heard_leader_; }
  /// @pre `has_heard_leader()`
  spi::timestamp last_contact() const { return last_contact_; }
  /// The host can't reach the leader, and no message of the leader has come since.
  bool is_leader_unreachable() const { return unreachable_; }
  /// The leader was heard within the minimal election timeout, so the group needs no other leader.
  bool is_leader_active(spi::timestamp now) const {
    return has_heard_leader_ && !unreachable_ && now - last_contact_ < election_timeout_;
  }

  void restart(spi::timestamp now, int factor = 1);
  void campaign_at(spi::timestamp then) { deadline_ = then; }
  void not_before(spi::timestamp then);
  /// This replica asks for pre-votes now; it may ask again after a short timeout.
  void begin_pre_vote(spi::timestamp now, int factor = 1);

  /// A message of the leader came. Directly after the connection broke it proves nothing: the
  /// message was already in transit.
  void on_leader_contact(spi::timestamp now, int factor = 1);
  /// The leader's process ended, or only a connection to it broke. A leader that is alive is heard
  /// within a short timeout; after that there is nothing to wait for.
  void on_leader_unreachable(spi::timestamp now, int factor = 1);
  /// The leader is another replica now, which this host could reach so far.
  void on_leader_changed() { unreachable_ = false; }
  /// Lets another candidate go first, since two candidates at once split the votes. Works once
  /// until this replica asks for pre-votes or hears a leader: the other candidate may fail.
  /// @returns whether this replica defers.
  bool defer_to_candidate(spi::timestamp now, int factor = 1);

 private:
  spi::timestamp randomized(spi::timestamp least);
  spi::timestamp short_timeout(int factor) { return factor * randomized(2 * heartbeat_); }

  spi::timestamp election_timeout_;
  spi::timestamp heartbeat_;
  spi::random_source random_;
  spi::timestamp deadline_{0};
  spi::timestamp last_contact_{0};
  bool has_heard_leader_ = false;
  bool unreachable_ = false;
  spi::timestamp unreachable_since_{0};
  bool deferred_ = false;
};

} // namespace atl::leader_based
