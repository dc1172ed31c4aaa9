#pragma once

#include "storage_world.hpp"

#include <atoll/keep/keeper.hpp>

#include <cstdint>
#include <map>

namespace atl::sim {

/// Holds keepers to what they promise of rebalancing: only overfull nodes are relieved, only
/// towards nodes that are less full, not by more than they are overfull, and in the end none is
/// overfull.
class balance_checker {
 public:
  explicit balance_checker(storage_world& world) : world_{world} {}

  // -- which fragments the state wants where, and which copies moves have left behind
  void on_wanted(keep::node_id node, std::int64_t bytes);
  void on_left_behind(keep::node_id node, const keep::fragment_key& key);
  void on_removal(keep::node_id node, const keep::fragment_key& key);

  /// A node tells how full it is.
  void on_heartbeat();
  /// A fragment is ordered to be moved away from a node in use.
  void on_order(const keep::order& what, keep::node_id from);
  /// The state has moved a fragment away from a node in use.
  void on_moved(std::uint64_t bytes) { moved_bytes_ += bytes; }
  void on_leader() { uncertain_at_ = world_.now(); }

  /// Bytes that are to leave overfull nodes.
  std::uint64_t bytes_over();
  /// Names an overfull node that could be relieved; empty: there is none.
  std::string disorder();

 private:
  struct level {
    double mean = 0;
    std::map<keep::node_id, double> use; ///< of the nodes that take data
  };

  /// @param counts_leftovers whether copies that moves left behind count
  level measure(bool counts_leftovers) const;
  std::uint64_t used_bytes(keep::node_id node, bool counts_leftovers) const;
  /// Sum of what nodes have above the mean, of what the state wants.
  std::uint64_t surplus() const;
  bool is_certain() const;
  bool can_relieve(keep::node_id node, const level& now) const;
  double share(std::uint64_t bytes, keep::node_id node) const;

  storage_world& world_;
  std::map<keep::node_id, std::int64_t> wanted_;
  std::map<keep::node_id, std::map<keep::fragment_key, std::uint64_t>> left_behind_;
  std::map<keep::node_id, std::int64_t> above_goal_at_; ///< when it was last
  std::int64_t uncertain_at_ = 0; ///< when a keeper may have seen other nodes than there are
  std::uint64_t last_surplus_ = 0;
  std::uint64_t surplus_sum_ = 0; ///< all that nodes ever had above the mean
  std::uint64_t moved_bytes_ = 0;
};

} // namespace atl::sim
