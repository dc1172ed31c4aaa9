#pragma once

#include "node_watch.hpp"
#include "task_table.hpp"

#include <atoll/keep/keeper.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace atl::keep {

/// Chooses the node for a fragment with a policy's balancer: a node with room that has no fragment
/// of the unit, in a failure domain with as few of them as there is any.
class target_picker {
 public:
  enum class outcome : std::uint8_t {
    picked,
    busy, ///< each node that could take the fragment receives others now
    none, ///< no node can take it
  };
  struct choice {
    outcome what = outcome::none;
    node_id node = no_node;
  };
  struct wish {
    const unit_record& unit;
    std::uint32_t fragment = 0;
    std::uint64_t bytes = 0;
    /// The fragment's present place doesn't count as taken: a damaged copy may be replaced there.
    bool may_stay = false;
    /// Nodes that are out of the question, for what this wish is about.
    std::function<bool(const watched_node&)> is_excluded;
    /// Nodes that receive as many streams as they may.
    std::function<bool(const watched_node&)> is_busy;
    bool may_crowd = false; ///< any failure domain will do
  };

  target_picker(const node_watch& nodes, const task_table& tasks) : nodes_{nodes}, tasks_{tasks} {}

  choice pick(policy_id policy, spi::balancer& balancer, const wish& wanted, spi::timestamp now);
  /// The policy's balancer is another one.
  void forget(policy_id policy) { pools_.erase(policy); }
  const std::string& problem() const { return problem_; }

 private:
  /// The nodes as the members of one balancer.
  struct pool {
    std::uint64_t version = 0;
    std::vector<const watched_node*> nodes; ///< by slot
    std::vector<std::uint8_t> available;
    std::vector<std::uint32_t> domain;
    std::vector<std::uint32_t> in_flight;
    std::vector<std::uint32_t> reported;
    std::vector<float> latency;
    std::vector<std::uint64_t> free_bytes;
  };

  void update(pool& of, spi::balancer& balancer);
  bool has_fragment(const wish& wanted, node_id node) const;
  void close_fuller_domains(pool& of, const wish& wanted) const;

  const node_watch& nodes_;
  const task_table& tasks_;
  std::map<policy_id, pool> pools_;
  std::string problem_;
};

} // namespace atl::keep
