#pragma once

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>

namespace atl::leader_based {

/// How long a follower waits for its leader before it stands for election itself: an election
/// timeout and up to as much again by lot, so that not all stand at once (Ongaro's dissertation,
/// 3.4). What costs nothing to repeat waits a moment: two heartbeats, and up to as much again.
///
/// `timeout_factor`, where it is asked for, is how many times as long.
class election_timer {
 public:
  election_timer(spi::timestamp election_timeout, spi::timestamp heartbeat, std::uint64_t seed)
      : election_timeout_{election_timeout}, heartbeat_{heartbeat}, random_{seed} {}

  /// When it stands, unless it hears something before.
  spi::timestamp deadline() const { return deadline_; }
  /// When it last heard the leader; @pre `has_heard_leader()`.
  spi::timestamp last_contact() const { return last_contact_; }
  bool has_heard_leader() const { return has_heard_leader_; }
  /// The host can't reach the leader, and nothing was heard of it since.
  bool is_leader_unreachable() const { return unreachable_; }
  /// Heard within the shortest election timeout: then nobody needs another leader.
  bool is_leader_active(spi::timestamp now) const {
    return has_heard_leader_ && !unreachable_ && now - last_contact_ < election_timeout_;
  }

  void restart(spi::timestamp now, int timeout_factor = 1);
  void campaign_at(spi::timestamp then) { deadline_ = then; }
  void not_before(spi::timestamp then);
  /// It asks whether it would be elected, which costs nothing: so it may soon again.
  void begin_pre_vote(spi::timestamp now, int timeout_factor = 1);

  /// The leader spoke. What was under way when its connection broke is no sign of life.
  void on_leader_contact(spi::timestamp now, int timeout_factor = 1);
  /// Its process ended, or merely a connection. If it lives, it is heard again within a moment; if
  /// not, there is nothing to wait for.
  void on_leader_unreachable(spi::timestamp now, int timeout_factor = 1);
  /// There is another one, which this host could reach until now.
  void on_leader_changed() { unreachable_ = false; }
  /// To another one that stands: two at once stand in each other's way. Only once until it stands
  /// itself or hears a leader, for the other may not get far. @returns whether it does.
  bool defer_to_candidate(spi::timestamp now, int timeout_factor = 1);

 private:
  spi::timestamp randomized(spi::timestamp least);
  spi::timestamp short_timeout(int timeout_factor) {
    return timeout_factor * randomized(2 * heartbeat_);
  }

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
