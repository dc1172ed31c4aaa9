#include "mover.hpp"

#include <algorithm>

namespace atl::keep {

namespace {

constexpr std::size_t pending_moves_max = 500; ///< of one node
constexpr spi::timestamp pause_between_walks{1'000'000};

} // namespace

void mover::advance(spi::timestamp now) {
  auto mean = use_.mean();
  std::erase_if(walks_, [&](const auto& entry) {
    auto* node = nodes_.find(entry.first);
    auto is_drained = node && node->state == node_state::draining;
    return entry.second.is_drain ? !is_drained : !node || !node->can_receive();
  });
  for (const auto& [id, node] : nodes_.all()) {
    auto is_draining = node.state == node_state::draining;
    auto known = walks_.find(id);
    auto begins = known == walks_.end() || known->second.after == unit_id{};
    if (known != walks_.end() && (known->second.query != 0 || now < known->second.not_before))
      continue;
    auto over = is_draining || !begins ? 0 : use_.bytes_over(node, mean);
    // The moves of the last walk end first: how full the node is depends on them.
    if (!is_draining && begins && (over == 0 || calls_.pending(id) > 0 || !calls_.is_use_known(id)))
      continue;
    auto& walk = walks_[id];
    walk.is_drain = is_draining;
    if (begins)
      walk.bytes_left = over;
    if (calls_.pending(id) < pending_moves_max)
      ask(id, walk);
  }
}

void mover::ask(node_id node, walk& of) {
  unit_query next;
  next.id = of.query = out_.next_ticket();
  next.what = unit_query::scope::on_node;
  next.node = node;
  next.after = of.after;
  next.units_max = static_cast<std::uint32_t>(pending_moves_max);
  out_.ask(std::move(next));
}

std::map<node_id, mover::walk>::iterator mover::walk_of(ticket id) {
  return std::ranges::find_if(walks_, [&](const auto& entry) { return entry.second.query == id; });
}

bool mover::on_page(ticket id, std::span<const unit_record> units, bool more, spi::timestamp now) {
  auto entry = walk_of(id);
  if (entry == walks_.end())
    return false;
  auto& [node, walk] = *entry;
  walk.query = 0;
  walk.found_any = walk.found_any || !units.empty();
  for (const auto& unit : units) {
    if (!walk.is_drain && walk.bytes_left == 0)
      break;
    if (out_.stale().is_stale(id, unit.id))
      continue; // the next walk finds it
    auto bytes = calls_.on_unit(node, unit, walk.is_drain);
    walk.bytes_left -= std::min(walk.bytes_left, bytes);
  }
  if (more && !units.empty() && (walk.is_drain || walk.bytes_left > 0))
    walk.after = units.back().id;
  else
    end_walk(node, walk, now);
  return true;
}

void mover::end_walk(node_id node, walk& of, spi::timestamp now) {
  if (of.is_drain) {
    of.is_empty = !of.found_any && calls_.pending(node) == 0;
    of.is_told = of.is_told && of.is_empty;
    of.after = {};
    of.found_any = false;
    of.not_before = now + pause_between_walks;
    return;
  }
  // A node without enough units that can be moved isn't searched again and again.
  auto found_enough = of.bytes_left == 0;
  of.after = {};
  of.not_before =
      now + (found_enough ? pause_between_walks : settings_.grace + 2 * settings_.audit_pause);
}

void mover::request_rebalance() {
  for (auto& [node, walk] : walks_)
    if (!walk.is_drain)
      walk.not_before = spi::timestamp{0};
}

bool mover::on_query_failed(ticket id, spi::timestamp now) {
  auto entry = walk_of(id);
  if (entry == walks_.end())
    return false;
  entry->second.query = 0;
  entry->second.not_before = now + pause_between_walks;
  return true;
}

std::vector<node_id> mover::take_drained() {
  std::vector<node_id> drained;
  for (auto& [node, walk] : walks_)
    if (walk.is_empty && !walk.is_told) {
      walk.is_told = true;
      drained.push_back(node);
    }
  return drained;
}

bool mover::is_empty(node_id node) const {
  auto known = walks_.find(node);
  return known != walks_.end() && known->second.is_empty;
}

} // namespace atl::keep
