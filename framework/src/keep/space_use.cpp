#include "space_use.hpp"

#include <algorithm>

namespace atl::keep {

namespace {

double share(std::uint64_t bytes, std::uint64_t capacity) {
  return capacity == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(capacity);
}

std::uint64_t bytes_of(double share, const watched_node& node) {
  return share <= 0
             ? 0
             : static_cast<std::uint64_t>(share * static_cast<double>(node.last.capacity_bytes));
}

} // namespace

std::uint64_t space_use::used_bytes(const watched_node& node) const {
  auto used = node.last.used_bytes;
  if (!rules_.count_departures)
    return used;
  auto leaving = tasks_.bytes_leaving(node.id) + changes_.bytes_less(node.id);
  return used - std::min(used, leaving) + tasks_.bytes_in(node.id) + changes_.bytes_more(node.id);
}

double space_use::of(const watched_node& node) const {
  return share(used_bytes(node), node.last.capacity_bytes);
}

double space_use::mean() const {
  std::uint64_t used = 0;
  std::uint64_t capacity = 0;
  for (const auto& [id, node] : nodes_.all())
    if (node.can_receive()) {
      used += used_bytes(node);
      capacity += node.last.capacity_bytes;
    }
  return share(used, capacity);
}

std::uint64_t space_use::bytes_over(const watched_node& node, double mean) const {
  auto threshold = settings_.rebalance_threshold;
  if (threshold <= 0 || !node.can_receive() || of(node) <= mean + threshold)
    return 0;
  return bytes_of(of(node) - mean - threshold / 2, node);
}

bool space_use::is_above_goal(const watched_node& node, double mean) const {
  return node.can_receive() && of(node) > mean + settings_.rebalance_threshold / 2;
}

bool space_use::may_take(const watched_node& node, std::uint64_t bytes, double mean) const {
  if (!rules_.rebalance_downhill)
    return node.can_receive();
  return node.can_receive() && of(node) < mean &&
         of(node) + share(bytes, node.last.capacity_bytes) <= mean + settings_.rebalance_threshold;
}

rebalance_plan space_use::plan() const {
  rebalance_plan plan;
  plan.mean = mean();
  plan.threshold = settings_.rebalance_threshold;
  plan.rate = settings_.rebalance_rate;
  if (settings_.repair_rate != 0)
    plan.rate = plan.rate == 0 ? settings_.repair_rate : std::min(plan.rate, settings_.repair_rate);
  for (const auto& [id, node] : nodes_.all()) {
    if (!node.can_receive())
      continue;
    rebalance_plan::node each;
    each.id = id;
    each.use = of(node);
    each.bytes_over = bytes_over(node, plan.mean);
    each.bytes_below = bytes_of(plan.mean - each.use, node);
    plan.nodes.push_back(each);
  }
  auto room = plan.nodes;
  for (const auto& from : plan.nodes) {
    auto left = from.bytes_over;
    std::uint64_t all_room = 0;
    for (const auto& to : room)
      all_room += to.bytes_below;
    auto shared = std::min(left, all_room);
    for (auto& to : room) {
      if (left == 0 || to.bytes_below == 0)
        continue;
      // In proportion to the room, rounded up so that the last node gets no remainder.
      auto part = static_cast<double>(to.bytes_below) / static_cast<double>(all_room);
      auto bytes = std::min({left, to.bytes_below,
                             static_cast<std::uint64_t>(static_cast<double>(shared) * part) + 1});
      plan.moves.push_back({from.id, to.id, bytes});
      plan.bytes += bytes;
      to.bytes_below -= bytes;
      left -= bytes;
    }
  }
  return plan;
}

} // namespace atl::keep
