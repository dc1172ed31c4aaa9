#pragma once

#include "simulator.hpp"

#include <vector>

namespace atl::sim {

/// A simulated administrator that adds and removes members, turns voters into learners and back,
/// and replaces a member whose disk was lost or wiped by a spare.
class admin {
 public:
  explicit admin(simulator& sim);
  /// Requests no further changes, except replacing a lost member.
  void stop() { stopped_ = true; }

 private:
  void on_turn();
  void schedule_next();
  void replace_lost();
  /// The members reported by the replica with the highest applied index.
  sim_replica& most_advanced_replica() const;
  void request_change(spi::members_changed wanted);
  spi::members_changed draw_change();
  std::vector<spi::replica_id> available() const;
  void lose_voter();
  spi::replica_id wipe_one(const spi::random_source& details);
  /// Whether a certain voter may lose its disk now: the others know all committed entries.
  bool can_lose_voter() const;
  spi::replica_id draw_voter();
  bool is_last_founder(spi::replica_id id) const;
  bool is_at_rest(const spi::members_changed& group) const;

  simulator& simulator_;
  injection_point point_;
  spi::random_source random_; ///< draws the details of the next change
  bool stopped_ = false;
  bool certain_ = true; ///< is the outcome of all requested changes known?
  bool was_certain_ = true;
  bool waiting_ = false;            ///< is a change unanswered?
  std::uint64_t requests_made_ = 0; ///< the number of requested changes
  bool replacing_ = false;          ///< does the change under way replace the lost member?
  std::int64_t retry_at_ = 0;       ///< when an unanswered change is requested again
  spi::replica_id lost_ = 0;        ///< a member that will not come back under its id
  spi::replica_id next_target_ = 1; ///< the replica to ask next
};

} // namespace atl::sim
