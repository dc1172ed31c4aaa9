#pragma once

#include <atoll/keep/keeper.hpp>

#include <cstdint>

namespace atl::sim {

/// Hears what happens in a simulated storage cluster.
class storage_observer {
 public:
  storage_observer() = default;
  storage_observer(const storage_observer&) = delete;
  storage_observer& operator=(const storage_observer&) = delete;
  virtual ~storage_observer() = default;

  // -- disks
  virtual void on_copies(std::int64_t /*more*/) {}
  /// A fault took a copy. @param was_intact and not known to be lost before
  virtual void on_destroyed(keep::node_id /*node*/, const keep::fragment_key& /*key*/,
                            bool /*was_intact*/) {}
  virtual void on_stored(keep::node_id /*node*/, const keep::fragment_key& /*key*/) {}
  /// A node is about to remove a copy on order.
  virtual void on_removal(keep::node_id /*node*/, const keep::fragment_key& /*key*/,
                          std::uint64_t /*term*/) {}
  /// A node says that it doesn't have a fragment in order.
  virtual void on_complaint(keep::node_id /*node*/, const keep::fragment_key& /*key*/) {}
  /// The leader hears that the node has stored the fragment.
  virtual void on_stored_news(keep::node_id /*node*/, const keep::fragment_key& /*key*/) {}
  virtual void on_heartbeat() {}

  // -- the state
  virtual void on_relocated(const keep::relocation& /*move*/) {}
  /// An operator or a keeper has changed the node's state.
  virtual void on_node_state(keep::node_id /*node*/) {}
  /// The leader asks for this change.
  virtual void on_declared(keep::node_id /*node*/, keep::node_state /*to*/) {}

  // -- keepers
  virtual void on_leader() {}
  /// A host hears a heartbeat after so long a silence.
  virtual void on_heard(std::uint32_t /*host*/, keep::node_id /*node*/, std::int64_t /*silence*/) {}
  virtual void on_settings(const keep::keeper_settings& /*settings*/) {}
  /// @param leads whether the present leader gives the order
  virtual void on_order(const keep::order& /*what*/, std::uint64_t /*incarnation*/,
                        bool /*leads*/) {}
  /// The leader's keeper hears the outcome.
  virtual void on_answered(keep::ticket /*id*/, const keep::order_result& /*result*/) {}
};

} // namespace atl::sim
