#pragma once

#include "storage_world.hpp"

#include <atoll/spi/balancer.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace atl::sim {

/// Picks nodes for new units with a balancer, as the leading master of a cluster does for clients.
class storage_placement {
 public:
  storage_placement(storage_world& world, std::uint64_t seed);

  /// A node for each fragment, from the first; `no_node` where there is none. The nodes are active,
  /// and seem to be up.
  std::vector<keep::node_id> pick(const keep::unit_id& unit, std::uint64_t bytes);

 private:
  void update();
  void refresh(keep::node_id id, std::uint64_t bytes);

  storage_world& world_;
  std::shared_ptr<spi::balancer> balancer_;
  std::vector<std::uint8_t> available_;
  std::vector<std::uint32_t> domain_, in_flight_;
  std::vector<float> latency_;
  std::vector<std::uint64_t> free_bytes_;
  std::vector<spi::slot> picks_;
  std::int64_t refreshed_at_ = -1; ///< when the facts of all nodes were refreshed
};

} // namespace atl::sim
