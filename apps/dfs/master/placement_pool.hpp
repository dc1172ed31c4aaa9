#pragma once

#include "common/master_protocol.hpp"
#include "master/registry.hpp"

#include <atoll/core/balanced_pool.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/metrics.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dfs {

/// The storage nodes of a cluster as the members of a balanced pool, from which new chunks get
/// their nodes. A node's reports give its failure domain, weight, capacity, free space and running
/// transfers; a node that falls silent, takes no data or hasn't joined the group isn't available.
/// Not thread-safe.
class placement_pool {
 public:
  /// @param name of the balancer, for messages
  /// @param options without their seed
  placement_pool(std::shared_ptr<atl::spi::balancer> balancer, std::string name, std::uint64_t seed,
                 atl::pool_options options);

  /// To be called after a report of this node, and after it got its id.
  void on_report(const std::string& name, const storage_registry::node& node,
                 const storage_registry& registry, steady_time now);

  /// Up to `count` nodes with room for `bytes` bytes each, in the order in which data shall flow.
  /// @param per_zone_max nodes of one zone, if there are others
  /// Errors: internal if the balancer failed; the message names it.
  atl::result<std::vector<protocol::storage_target>>
  choose(std::uint64_t key, std::size_t count, std::uint64_t bytes, std::uint32_t per_zone_max,
         const std::vector<storage_id>& avoid, const storage_registry& registry, steady_time now);

  // -- what becomes of the fragments that nodes were chosen for
  void begin(storage_id node) { pool_.begin(node); }
  void finish(storage_id node, const atl::spi::outcome& result, steady_time now);
  void cancel(storage_id node) { pool_.cancel(node); }

  const std::string& name() const { return pool_.name(); }
  /// Adds the pool as a dispatcher of this name, with its nodes as the workers.
  void add_metrics(const std::string& pool, atl::metric_set& into) const;

 private:
  struct entry {
    atl::pool_member member;
    protocol::storage_target target;
  };

  /// The zone of a node; a node without one is a zone of its own.
  std::string zone_of(std::uint64_t node) const;
  atl::status keep_to_zones(std::vector<std::uint64_t>& picks, std::vector<std::uint64_t> excluded,
                            std::uint32_t per_zone_max, std::uint64_t key, steady_time now);
  void forget(const std::string& name);
  /// Takes nodes out that have fallen silent since the last look.
  void look_for_silent_nodes(const storage_registry& registry, steady_time now);
  atl::status publish(const storage_registry& registry, steady_time now);

  atl::balanced_pool pool_;
  std::map<storage_id, entry> entries_;
  std::map<std::string, storage_id> ids_; ///< by the node's name
  bool list_changed_ = false;
  steady_time looked_{};
};

} // namespace dfs
