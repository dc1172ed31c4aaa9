#include "storage_placement.hpp"

#include "storage_node.hpp"

namespace atl::sim {

storage_placement::storage_placement(storage_world& world, std::uint64_t seed)
    : world_{world}, balancer_{world.options().plugins.balancer(seed)} {}

void storage_placement::update() {
  auto nodes = world_.node_count();
  if (domain_.size() == nodes)
    return;
  std::vector<spi::member> members;
  domain_.clear();
  for (keep::node_id id = 1; id <= nodes; ++id) {
    domain_.push_back(world_.node(id).zone());
    members.push_back({id, domain_.back(), 1.0, world_.parameters().disk_bytes});
  }
  balancer_->update(members);
  available_.assign(nodes, 0);
  in_flight_.assign(nodes, 0);
  latency_.assign(nodes, 0);
  free_bytes_.assign(nodes, 0);
}

std::vector<keep::node_id> storage_placement::pick(const keep::unit_id& unit, std::uint64_t bytes) {
  update();
  for (keep::node_id id = 1; id <= world_.node_count(); ++id) {
    auto& node = world_.node(id);
    free_bytes_[id - 1] = node.free_bytes();
    available_[id - 1] = node.up() && node.takes_data() && node.free_bytes() >= bytes &&
                                 world_.state().state_of(id) == keep::node_state::active
                             ? 1
                             : 0;
  }
  picks_.assign(world_.layout().total, spi::no_slot);
  auto picked = balancer_->pick_many(
      {unit.low * 0x9e3779b97f4a7c15, world_.time(), {}},
      {available_, domain_, in_flight_, in_flight_, latency_, free_bytes_}, picks_);
  std::vector<keep::node_id> nodes(world_.layout().total, keep::no_node);
  for (std::size_t i = 0; i < picked; ++i)
    nodes[i] = picks_[i] + 1;
  return nodes;
}

} // namespace atl::sim
