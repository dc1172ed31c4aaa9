#include "storage_checker.hpp"

#include "keeper_hosts.hpp"
#include "storage_node.hpp"

#include <algorithm>
#include <limits>

namespace atl::sim {

using keep::fragment_key;
using keep::no_node;
using keep::node_id;
using keep::node_state;
using keep::order;
using keep::unit_record;

namespace {

constexpr std::int64_t second = 1'000'000;

} // namespace

storage_checker::storage_checker(storage_world& world)
    : world_{world}, survives_{world.scheme().promised().survives_losses},
      former_settings_{world.parameters().settings}, balance_{world} {}

// -- units ------------------------------------------------------------------------------------

std::vector<bool> storage_checker::present(const unit_record& unit) const {
  std::vector<bool> out(unit.nodes.size());
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
    out[i] = unit.nodes[i] != no_node && world_.node(unit.nodes[i]).holds({unit.id, i});
  return out;
}

void storage_checker::evaluate(const keep::unit_id& id) {
  auto* unit = world_.state().find(id);
  if (!unit) {
    flawed_.erase(id);
    return;
  }
  auto is_present = present(*unit);
  auto missing = static_cast<std::uint32_t>(std::ranges::count(is_present, false));
  if (missing == 0) {
    flawed_.erase(id);
    return;
  }
  auto& flawed = flawed_[id];
  // A fragment that was made anew isn't lost any more.
  flawed.losses = std::min(flawed.losses, missing);
  if (flawed.excused || world_.scheme().enough(is_present))
    return;
  if (flawed.losses > survives_) {
    flawed.excused = true;
    ++world_.stats().units_lost;
    world_.trace("{} has lost more than its scheme survives", to_text(id));
    return;
  }
  world_.violate(storage_violation::unit_lost,
                 fmt::format("{} of {} fragments of {} are where the state wants them, although "
                             "faults have taken only {}",
                             is_present.size() - missing, is_present.size(), to_text(id),
                             flawed.losses));
}

bool storage_checker::is_excused(const keep::unit_id& unit) const {
  auto found = flawed_.find(unit);
  return found != flawed_.end() && found->second.excused;
}

/// Is the unit, as far as the state knows, one loss from its end?
void storage_checker::evaluate_danger(const unit_record& unit) {
  std::vector<bool> known(unit.nodes.size());
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
    known[i] = unit.nodes[i] != no_node && world_.state().may_hold_fragments(unit.nodes[i]);
  auto is_endangered = false;
  if (std::ranges::count(known, false) > 0 && world_.scheme().enough(known))
    for (std::uint32_t i = 0; i < known.size() && !is_endangered; ++i)
      if (known[i]) {
        known[i] = false;
        is_endangered = !world_.scheme().enough(known);
        known[i] = true;
      }
  if (!is_endangered)
    endangered_.erase(unit.id);
  else
    endangered_.try_emplace(unit.id, endangered_unit{world_.now(), 0});
}

// -- disks ------------------------------------------------------------------------------------

bool storage_checker::may_destroy(node_id node, const fragment_key& key) const {
  auto* unit = world_.state().find(key.unit);
  if (!unit || !world_.node(node).holds(key))
    return true;
  auto flawed = flawed_.find(key.unit);
  return (flawed == flawed_.end() ? 0 : flawed->second.losses) < survives_;
}

void storage_checker::on_destroyed(node_id node, const fragment_key& key, bool was_intact) {
  if (!was_intact)
    return;
  ++world_.stats().fragments_lost;
  destroyed_.insert({node, key});
  auto* unit = world_.state().find(key.unit);
  if (!unit || key.fragment >= unit->nodes.size() || unit->nodes[key.fragment] != node)
    return;
  ++flawed_[key.unit].losses;
  evaluate(key.unit);
}

void storage_checker::on_stored(node_id node, const fragment_key& key) {
  destroyed_.erase({node, key});
  if (flawed_.contains(key.unit))
    evaluate(key.unit);
}

void storage_checker::on_removal(node_id node, const fragment_key& key, std::uint64_t term) {
  auto* unit = world_.state().find(key.unit);
  balance_.on_removal(node, key);
  auto what = fmt::format("node {} removes {} by an order of term {}", node, to_text(key), term);
  if (!unit && !(key.unit < world_.state().watermark()))
    return world_.violate(storage_violation::young_removed,
                          what + ", and a client could still put the unit");
  if (!unit)
    return;
  if (key.fragment < unit->nodes.size() && unit->nodes[key.fragment] == node)
    return world_.violate(storage_violation::wanted_removed, what + ", where the state wants it");
  auto left = left_behind_.find({node, key});
  auto* copy = world_.node(node).find(key);
  auto grace = std::min(world_.parameters().settings.grace, former_settings_.grace).count();
  if (left != left_behind_.end() && copy->stored_at <= left->second &&
      world_.now() - left->second < grace)
    world_.violate(storage_violation::removed_too_soon,
                   fmt::format("{}, {} ms after it was moved away; the grace time is {} ms", what,
                               (world_.now() - left->second) / 1000, grace / 1000));
}

void storage_checker::on_complaint(node_id node, const fragment_key& key) {
  doubts_[{node, key}] = std::numeric_limits<std::int64_t>::max();
}

void storage_checker::on_stored_news(node_id node, const fragment_key& key) {
  if (auto doubt = doubts_.find({node, key}); doubt != doubts_.end())
    doubt->second = std::min(doubt->second, world_.now());
}

// -- the state --------------------------------------------------------------------------------

void storage_checker::on_put(const unit_record& unit) {
  auto is_present = present(unit);
  auto missing = static_cast<std::uint32_t>(std::ranges::count(is_present, false));
  wanted_ += unit.nodes.size() - static_cast<std::size_t>(std::ranges::count(unit.nodes, no_node));
  count_wanted(unit, 1);
  if (missing == 0)
    return;
  flawed_[unit.id].losses = missing;
  evaluate(unit.id);
  evaluate_danger(unit);
}

void storage_checker::on_removed(const unit_record& unit) {
  wanted_ -= unit.nodes.size() - static_cast<std::size_t>(std::ranges::count(unit.nodes, no_node));
  count_wanted(unit, -1);
  flawed_.erase(unit.id);
  endangered_.erase(unit.id);
}

bool storage_checker::was_active_since(node_id node, std::int64_t at) const {
  if (world_.state().state_of(node) != node_state::active)
    return false;
  auto last = inactive_until_.find(node);
  return last == inactive_until_.end() || last->second < at;
}

bool storage_checker::was_doubted_since(const place& where, std::int64_t at) const {
  auto end = doubts_.find(where);
  return end != doubts_.end() && end->second >= at;
}

void storage_checker::count_wanted(const unit_record& unit, std::int64_t sign) {
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
    if (unit.nodes[i] != no_node)
      balance_.on_wanted(unit.nodes[i],
                         sign * static_cast<std::int64_t>(world_.fragment_bytes(unit, i)));
}

bool storage_checker::was_in_order(const fragment_key& key, node_id at, std::int64_t since) const {
  auto& node = world_.node(at);
  auto* copy = node.find(key);
  return copy && copy->is_intact && node.takes_data() && was_active_since(at, since) &&
         !was_doubted_since({at, key}, since);
}

/// A fragment may be moved away from a node only if that node isn't used any more, or if it said
/// that it doesn't have the fragment in order, or if it is overfull.
void storage_checker::check_move(const keep::relocation& move) {
  if (move.from == no_node)
    return;
  auto ordered = ordered_at_.find({move.to, move.key});
  auto decided =
      (ordered == ordered_at_.end() ? world_.now() - 60 * second : ordered->second) - notice_time;
  if (!was_in_order(move.key, move.from, decided))
    return;
  if (world_.parameters().settings.rebalance_threshold > 0)
    return balance_.on_moved(
        world_.fragment_bytes(*world_.state().find(move.key.unit), move.key.fragment));
  world_.violate(storage_violation::needless_move,
                 fmt::format("{} is moved from node {} to node {}, although it is in order there, "
                             "and the node is in use",
                             to_text(move.key), move.from, move.to));
}

void storage_checker::on_relocated(const keep::relocation& move) {
  wanted_ += move.from == no_node ? 1 : 0;
  wanted_ -= move.to == no_node ? 1 : 0;
  auto& unit = *world_.state().find(move.key.unit);
  auto bytes = static_cast<std::int64_t>(world_.fragment_bytes(unit, move.key.fragment));
  if (move.from != no_node) {
    left_behind_[{move.from, move.key}] = world_.now();
    balance_.on_left_behind(move.from, move.key);
    balance_.on_wanted(move.from, -bytes);
  }
  left_behind_.erase({move.to, move.key});
  relocated_at_[move.key] = world_.now();
  check_move(move);
  if (move.to != no_node) {
    balance_.on_removal(move.to, move.key);
    balance_.on_wanted(move.to, bytes);
    if (std::ranges::count(unit.nodes, move.to) > 1)
      world_.violate(storage_violation::stacked,
                     fmt::format("node {} has two fragments of {}", move.to, to_text(unit.id)));
    if (!world_.node(move.to).holds(move.key)) {
      if (!destroyed_.contains({move.to, move.key}))
        return world_.violate(storage_violation::relocated_to_nothing,
                              fmt::format("{} is moved to node {}, which doesn't have it",
                                          to_text(move.key), move.to));
      ++flawed_[unit.id].losses;
    }
  }
  evaluate(unit.id);
  evaluate_danger(unit);
}

void storage_checker::on_node_state(node_id node) {
  auto state = world_.state().state_of(node);
  if (state != node_state::active)
    inactive_until_[node] = std::numeric_limits<std::int64_t>::max();
  else if (auto last = inactive_until_.find(node); last != inactive_until_.end())
    last->second = world_.now();
  if (state == node_state::dead)
    check_flapping(node);
  for (auto& id : world_.state().units_on(node))
    evaluate_danger(*world_.state().find(id));
}

/// A silence that isn't much longer than it must be doesn't suffice again and again.
void storage_checker::check_flapping(node_id node) {
  auto silence = silences_.find(node);
  if (silence == silences_.end() ||
      2 * silence->second > 3 * world_.parameters().settings.dead_after.count())
    return;
  auto& times = deaths_[node];
  while (!times.empty() && times.front() < std::max(leader_since_, world_.now() - flapping_window))
    times.pop_front();
  times.push_back(world_.now());
  if (times.size() > 2)
    world_.violate(storage_violation::flapping_storm,
                   fmt::format("node {} counts as lost for the {}. time in {} s", node,
                               times.size(), (world_.now() - times.front()) / second));
}

void storage_checker::on_declared(node_id node, node_state to) {
  if (to != node_state::dead)
    return;
  ++world_.stats().deaths;
  auto& settings = world_.parameters().settings;
  auto silence = world_.hosts().silence(node);
  if (silence < settings.dead_after.count())
    return world_.violate(storage_violation::dead_too_soon,
                          fmt::format("node {} was silent for {} ms, and counts as lost only "
                                      "after {} ms",
                                      node, silence / 1000, settings.dead_after.count() / 1000));
  silences_[node] = silence;
}

} // namespace atl::sim
