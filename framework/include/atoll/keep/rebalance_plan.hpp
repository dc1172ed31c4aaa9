#pragma once

#include <atoll/keep/units.hpp>

#include <cstdint>
#include <vector>

namespace atl::keep {

/// What rebalancing would move now, for people. How much leaves a node is what the keeper aims at;
/// how that is spread over the others is an estimate, since a policy's balancer chooses the places.
struct rebalance_plan {
  struct node {
    node_id id = no_node;
    double use = 0;                ///< of its capacity, once the moves under way have ended
    std::uint64_t bytes_over = 0;  ///< that are to leave it
    std::uint64_t bytes_below = 0; ///< that it lacks to the mean
  };
  struct move {
    node_id from = no_node;
    node_id to = no_node;
    std::uint64_t bytes = 0;
  };

  double mean = 0;              ///< use of the nodes that take data
  double threshold = 0;         ///< a node this far above the mean is relieved; 0: none is
  std::uint64_t rate = 0;       ///< bytes a second; 0: no bound
  std::uint64_t bytes = 0;      ///< of all moves
  std::uint64_t under_way = 0;  ///< fragments that are being moved, or wait for it
  bool waits_for_audit = false; ///< nothing is moved before some nodes told what they hold
  std::vector<node> nodes;      ///< that take data
  std::vector<move> moves;
};

} // namespace atl::keep
