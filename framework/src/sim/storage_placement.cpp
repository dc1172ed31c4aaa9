#include "storage_placement.hpp"

#include "storage_node.hpp"

#include <utility>

namespace atl::sim {

storage_placement::storage_placement(storage_world& world, std::uint64_t seed)
    : world_{world}, balancer_{world.options().plugins.balancer(seed)} {}

void storage_placement::update() {
  auto nodes = world_.node_count();
  if (domain_.size() == nodes)
    return;
  refreshed_at_ = -1;
  std::vector<spi::member> members;
  domain_.clear();
  for (keep::node_id id = 1; id <= nodes; ++id) {
    domain_.push_back(world_.node(id).zone());
    members.push_back({id, domain_.back(), 1.0, world_.node(id).capacity_bytes()});
  }
  balancer_->update(members);
  available_.assign(nodes, 0);
  in_flight_.assign(nodes, 0);
  latency_.assign(nodes, 0);
  free_bytes_.assign(nodes, 0);
}

void storage_placement::refresh(keep::node_id id, std::uint64_t bytes) {
  auto& node = world_.node(id);
  free_bytes_[id - 1] = node.free_bytes();
  auto is_active = world_.state().state_of(id) == keep::node_state::active;
  available_[id - 1] =
      node.up() && node.takes_data() && node.free_bytes() >= bytes && is_active ? 1 : 0;
}

std::vector<keep::node_id> storage_placement::pick(const keep::unit_id& unit, std::uint64_t bytes) {
  update();
  // At one moment only the nodes that were picked last have changed.
  if (std::exchange(refreshed_at_, world_.now()) != world_.now())
    for (keep::node_id id = 1; id <= world_.node_count(); ++id)
      refresh(id, bytes);
  else
    for (auto picked : picks_)
      if (picked != spi::no_slot)
        refresh(picked + 1, bytes);
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
