#pragma once

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>

namespace atl::elections {

/// How long a follower waits for its leader before it stands for election itself: an election
/// timeout and up to as much again by lot, so that not all stand at once (Ongaro's dissertation,
/// 3.4). What costs nothing to repeat waits a moment: two heartbeats, and up to as much again.
///
/// `patience`, where it is asked for, is how many times as long.
class leader_watch {
 public:
  leader_watch(spi::timestamp election_timeout, spi::timestamp heartbeat, std::uint64_t seed)
      : election_timeout_{election_timeout}, heartbeat_{heartbeat}, random_{seed} {}

  /// When it stands, unless it hears something before.
  spi::timestamp deadline() const { return deadline_; }
  /// When it last heard the leader; @pre `ever_heard()`.
  spi::timestamp last_heard() const { return last_heard_; }
  bool ever_heard() const { return ever_heard_; }
  /// The host can't reach the leader, and nothing was heard of it since.
  bool unreachable() const { return unreachable_; }
  /// Heard within the shortest election timeout: then nobody needs another leader.
  bool hears(spi::timestamp now) const {
    return ever_heard_ && !unreachable_ && now - last_heard_ < election_timeout_;
  }

  void wait_whole_timeout(spi::timestamp now, int patience = 1);
  void stand_at(spi::timestamp then) { deadline_ = then; }
  void not_before(spi::timestamp then);
  /// It asks whether it would be elected, which costs nothing: so it may soon again.
  void stand(spi::timestamp now, int patience = 1);

  /// The leader spoke. What was under way when its connection broke is no sign of life.
  void hear(spi::timestamp now, int patience = 1);
  /// Its process ended, or merely a connection. If it lives, it is heard again within a moment; if
  /// not, there is nothing to wait for.
  void lose(spi::timestamp now, int patience = 1);
  /// There is another one, which this host could reach until now.
  void turn_to_another() { unreachable_ = false; }
  /// To another one that stands: two at once stand in each other's way. Only once until it stands
  /// itself or hears a leader, for the other may not get far. @returns whether it does.
  bool give_way(spi::timestamp now, int patience = 1);

 private:
  spi::timestamp with_lot(spi::timestamp least);
  spi::timestamp a_moment(int patience) { return patience * with_lot(2 * heartbeat_); }

  spi::timestamp election_timeout_;
  spi::timestamp heartbeat_;
  spi::random_source random_;
  spi::timestamp deadline_{0};
  spi::timestamp last_heard_{0};
  bool ever_heard_ = false;
  bool unreachable_ = false;
  spi::timestamp unreachable_since_{0};
  bool gave_way_ = false;
};

} // namespace atl::elections
