#pragma once

#include "node_watch.hpp"
#include "space_changes.hpp"
#include "task_table.hpp"

#include <atoll/keep/keeper.hpp>
#include <atoll/keep/rebalance_plan.hpp>

#include <cstdint>

namespace atl::keep {

/// How full nodes are, as shares of their capacity, and which of them are to be relieved. What
/// moves are taking away or bringing counts as moved: otherwise moves would go on until the last
/// copy that they left behind is removed.
class space_use {
 public:
  space_use(const keeper_settings& settings, const keeper_rules& rules, const node_watch& nodes,
            const task_table& tasks, const space_changes& changes)
      : settings_{settings}, rules_{rules}, nodes_{nodes}, tasks_{tasks}, changes_{changes} {}

  double of(const watched_node& node) const;
  /// Of the nodes that take data.
  double mean() const;
  /// What is to leave an overfull node; 0: it isn't overfull. The node comes half the threshold
  /// near to the mean, so that it isn't overfull again soon.
  std::uint64_t bytes_over(const watched_node& node, double mean) const;
  /// Is a move from the node, which was overfull, still worth while?
  bool is_above_goal(const watched_node& node, double mean) const;
  /// May so many bytes be moved to the node from an overfull one? It must be below the mean, and
  /// not become overfull itself.
  bool may_take(const watched_node& node, std::uint64_t bytes, double mean) const;
  /// What would be moved from where to where.
  rebalance_plan plan() const;

 private:
  std::uint64_t used_bytes(const watched_node& node) const;

  const keeper_settings& settings_;
  const keeper_rules& rules_;
  const node_watch& nodes_;
  const task_table& tasks_;
  const space_changes& changes_;
};

} // namespace atl::keep
