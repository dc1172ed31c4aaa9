#include "keeper_hosts.hpp"
#include "storage_checker.hpp"
#include "storage_node.hpp"

#include <algorithm>

namespace atl::sim {

using keep::no_node;
using keep::node_id;
using keep::node_state;
using keep::unit_record;

std::uint64_t storage_checker::bytes_to_copy() {
  std::uint64_t bytes = 0;
  auto& state = world_.state();
  auto add = [&](const unit_record& unit) {
    for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
      if (auto node = unit.nodes[i];
          node == no_node || state.state_of(node) != node_state::active ||
          world_.node(node).is_gone() || !world_.node(node).holds({unit.id, i}))
        bytes += world_.fragment_bytes(unit, i);
  };
  std::set<keep::unit_id> units;
  for (auto& [id, flawed] : flawed_)
    units.insert(id);
  for (node_id node = 1; node <= world_.node_count(); ++node)
    if (state.state_of(node) != node_state::active || world_.node(node).is_gone())
      units.insert(state.units_on(node).begin(), state.units_on(node).end());
  for (auto& id : units)
    add(*state.find(id));
  return bytes;
}

/// Copies of a unit on nodes where the state doesn't want them.
std::uint64_t storage_checker::surplus_of(const unit_record& unit) {
  std::uint64_t surplus = 0;
  for (node_id node = 1; node <= world_.node_count(); ++node)
    for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
      surplus += unit.nodes[i] != node && world_.node(node).find({unit.id, i}) ? 1 : 0;
  return surplus;
}

std::string storage_checker::disorder() {
  auto& state = world_.state();
  std::uint64_t absent = 0;  ///< named fragments whose node has no copy at all
  std::uint64_t excused = 0; ///< surplus copies of units that can't be put in order
  for (auto& [id, flawed] : flawed_) {
    auto& unit = *state.find(id);
    if (!flawed.excused)
      return fmt::format("{} has {} of {} fragments", to_text(id),
                         std::ranges::count(present(unit), true), unit.nodes.size());
    excused += surplus_of(unit);
    for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
      absent += unit.nodes[i] != no_node && !world_.node(unit.nodes[i]).find({id, i}) ? 1 : 0;
  }
  for (node_id node = 1; node <= world_.node_count(); ++node) {
    auto what = state.state_of(node);
    if (what == node_state::active)
      continue;
    if (what == node_state::dead && world_.node(node).up())
      return fmt::format("node {} is up and counts as lost", node);
    for (auto& id : state.units_on(node))
      if (!is_excused(id))
        return fmt::format("{} is still on node {}, which is {}", to_text(id), node,
                           what == node_state::draining ? "to be emptied" : "lost");
  }
  auto surplus = copies_ - static_cast<std::int64_t>(wanted_ - absent + excused);
  return surplus == 0 ? balance_.disorder()
                      : fmt::format("{} copies are where nothing refers to them", surplus);
}

std::string storage_checker::describe_surplus() {
  auto& state = world_.state();
  for (node_id node = 1; node <= world_.node_count(); ++node)
    for (auto& [key, copy] : world_.node(node).copies()) {
      auto* unit = state.find(key.unit);
      if (!is_excused(key.unit) &&
          (!unit || key.fragment >= unit->nodes.size() || unit->nodes[key.fragment] != node))
        return fmt::format("; node {} holds {}", node, to_text(key));
    }
  return {};
}

} // namespace atl::sim
