#include "keeper_hosts.hpp"
#include "storage_checker.hpp"
#include "storage_node.hpp"

#include <algorithm>

/// Where the fragments of a unit are in the zones.
namespace atl::sim {

using keep::no_node;
using keep::node_id;
using keep::order;
using keep::unit_record;

/// Other fragments of the unit that have been in the zone for so long that a keeper knows it: on
/// nodes that it hears, because only a node says which zone it is in.
std::uint32_t storage_checker::known_in_zone(const unit_record& unit, std::uint32_t without,
                                             std::uint32_t zone) const {
  auto since = world_.now() - notice_time;
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i) {
    auto moved = relocated_at_.find({unit.id, i});
    if (i == without || unit.nodes[i] == no_node)
      continue;
    auto& node = world_.node(unit.nodes[i]);
    count += node.zone() == zone && node.up() && node.changed_at() < since &&
             was_active_since(unit.nodes[i], since) &&
             (moved == relocated_at_.end() || moved->second < since);
  }
  return count;
}

/// Other fragments of the unit that a keeper may believe to be in the zone, or on their way.
std::uint32_t storage_checker::perhaps_in_zone(const unit_record& unit, std::uint32_t without,
                                               std::uint32_t zone) const {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
    count += i != without && unit.nodes[i] != no_node && world_.node(unit.nodes[i]).zone() == zone;
  for (auto made = making_.lower_bound({unit.id, 0});
       made != making_.end() && made->first.unit == unit.id; ++made)
    count +=
        made->first.fragment != without && world_.node(orders_.at(made->second).at).zone() == zone;
  // What has been made, and is not recorded yet, a keeper counts; another copy it may count.
  for (node_id id = 1; id <= world_.node_count(); ++id) {
    auto& node = world_.node(id);
    auto copy = node.copies().lower_bound({unit.id, 0});
    auto is_elsewhere = std::ranges::find(unit.nodes, id) == unit.nodes.end();
    count += node.zone() == zone && is_elsewhere && copy != node.copies().end() &&
             copy->first.unit == unit.id;
  }
  return count;
}

/// Could a keeper choose the node, as far as it can know?
bool storage_checker::is_sure_place(const unit_record& unit, node_id id,
                                    std::uint64_t bytes) const {
  constexpr std::uint64_t bytes_on_their_way = 16;
  auto& node = world_.node(id);
  auto copy = node.copies().lower_bound({unit.id, 0});
  auto removal = removals_.lower_bound({id, {unit.id, 0}});
  return node.up() && node.takes_data() && world_.now() - node.changed_at() > notice_time &&
         !node.is_full() &&
         2 * world_.hosts().silence(id) < world_.parameters().settings.down_after.count() &&
         was_active_since(id, world_.now() - notice_time) &&
         node.free_bytes() >= bytes + bytes_on_their_way * world_.options().unit_bytes_max &&
         std::ranges::find(unit.nodes, id) == unit.nodes.end() &&
         (copy == node.copies().end() || copy->first.unit != unit.id) &&
         (removal == removals_.end() || removal->first.first != id ||
          removal->first.second.unit != unit.id);
}

/// What is made anew goes to a zone that may have it, if there is a place in one.
void storage_checker::check_zones(const order& what) {
  auto* unit = world_.state().find(what.key.unit);
  if (!unit || what.key.fragment >= unit->nodes.size() ||
      world_.now() - leader_since_ < notice_time)
    return;
  auto from = unit->nodes[what.key.fragment];
  if (from != no_node && world_.state().state_of(from) == keep::node_state::active)
    return; // rebalancing has fewer places to choose from
  auto most = world_.scheme().per_domain_max();
  auto zone = world_.node(what.at).zone();
  if (known_in_zone(*unit, what.key.fragment, zone) < most)
    return;
  for (node_id other = 1; other <= world_.node_count(); ++other)
    if (is_sure_place(*unit, other, what.fragment_bytes) &&
        perhaps_in_zone(*unit, what.key.fragment, world_.node(other).zone()) < most)
      return world_.violate(
          storage_violation::zone_crowded,
          fmt::format("node {} is ordered to make {}, and its zone {} has {} fragments of {} "
                      "already, the most that it may have; node {} in zone {} has room",
                      what.at, to_text(what.key), zone,
                      known_in_zone(*unit, what.key.fragment, zone), to_text(unit->id), other,
                      world_.node(other).zone()));
}

} // namespace atl::sim
