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
  void next();
  void replace_lost();
  /// The members reported by the replica with the highest applied index.
  sim_replica& best_informed() const;
  void ask_for(spi::members_changed wanted);
  spi::members_changed some_change();
  std::vector<spi::replica_id> available() const;
  void lose_one();
  spi::replica_id wipe_one(const spi::random_source& details);
  /// Whether a certain voter may lose its disk now: the others know all committed entries.
  bool can_lose_one() const;
  spi::replica_id any_voter();
  bool is_last_founder(spi::replica_id id) const;
  bool at_rest(const spi::members_changed& group) const;

  simulator& simulator_;
  injection_point site_;
  spi::random_source random_; ///< of the change that is due
  bool stopped_ = false;
  bool certain_ = true; ///< the outcome of all requested changes is known
  bool certain_before_ = true;
  bool waiting_ = false;      ///< for the answer to a change
  std::uint64_t asked_ = 0;   ///< how many changes were asked for
  bool replacing_ = false;    ///< the change under way replaces the lost one
  std::int64_t retry_at_ = 0; ///< until then
  spi::replica_id lost_ = 0;  ///< a member that will not come back under its id
  spi::replica_id ask_ = 1;   ///< the replica to ask next
};

} // namespace atl::sim
