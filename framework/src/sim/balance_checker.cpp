#include "balance_checker.hpp"

#include "keeper_hosts.hpp"
#include "storage_node.hpp"

#include <algorithm>

namespace atl::sim {

using keep::fragment_key;
using keep::node_id;
using keep::node_state;

namespace {

constexpr std::int64_t second = 1'000'000;
/// A keeper acts on what nodes told within this time.
constexpr std::int64_t notice_time = 5 * second;
/// A node that was silent for longer may not be counted by a keeper.
constexpr std::int64_t silence_max = 1'200'000;
/// How often surplus bytes may be moved, with what clients and faults undo meanwhile.
constexpr std::uint64_t moves_per_surplus = 2;
constexpr std::uint64_t units_of_slack = 2;

} // namespace

double balance_checker::share(std::uint64_t bytes, node_id node) const {
  return static_cast<double>(bytes) / static_cast<double>(world_.node(node).capacity_bytes());
}

std::uint64_t balance_checker::used_bytes(node_id node, bool counts_leftovers) const {
  auto used = world_.node(node).used_bytes();
  auto left = left_behind_.find(node);
  if (counts_leftovers || left == left_behind_.end())
    return used;
  std::uint64_t leftovers = 0;
  for (const auto& [key, bytes] : left->second)
    leftovers += world_.node(node).find(key) ? bytes : 0;
  return used - std::min(used, leftovers);
}

balance_checker::level balance_checker::measure(bool counts_leftovers) const {
  level it;
  double used_sum = 0;
  double capacity_sum = 0;
  for (node_id id = 1; id <= world_.node_count(); ++id) {
    auto& node = world_.node(id);
    if (!node.up() || !node.takes_data() || world_.state().state_of(id) != node_state::active)
      continue;
    auto used = used_bytes(id, counts_leftovers);
    it.use[id] = share(used, id);
    used_sum += static_cast<double>(used);
    capacity_sum += static_cast<double>(node.capacity_bytes());
  }
  it.mean = capacity_sum == 0 ? 0 : used_sum / capacity_sum;
  return it;
}

std::uint64_t balance_checker::surplus() const {
  double used = 0;
  double capacity = 0;
  for (const auto& [id, bytes] : wanted_)
    if (world_.state().state_of(id) == node_state::active) {
      used += static_cast<double>(bytes);
      capacity += static_cast<double>(world_.node(id).capacity_bytes());
    }
  double above = 0;
  for (const auto& [id, bytes] : wanted_)
    if (world_.state().state_of(id) == node_state::active)
      above += std::max(0.0, static_cast<double>(bytes) -
                                 used / capacity *
                                     static_cast<double>(world_.node(id).capacity_bytes()));
  return static_cast<std::uint64_t>(above);
}

void balance_checker::on_wanted(node_id node, std::int64_t bytes) {
  wanted_[node] += bytes;
}

void balance_checker::on_left_behind(node_id node, const fragment_key& key) {
  if (auto* copy = world_.node(node).find(key))
    left_behind_[node][key] = copy->bytes;
}

void balance_checker::on_removal(node_id node, const fragment_key& key) {
  if (auto left = left_behind_.find(node); left != left_behind_.end())
    left->second.erase(key);
}

void balance_checker::on_heartbeat() {
  auto threshold = world_.parameters().settings.rebalance_threshold;
  if (threshold <= 0)
    return;
  for (node_id id = 1; id <= world_.node_count(); ++id)
    wanted_.try_emplace(id, 0);
  auto now_surplus = surplus();
  surplus_sum_ += now_surplus > last_surplus_ ? now_surplus - last_surplus_ : 0;
  last_surplus_ = now_surplus;
  for (node_id id = 1; id <= world_.node_count(); ++id) {
    auto is_in_use = world_.state().state_of(id) == node_state::active;
    auto& node = world_.node(id);
    if (is_in_use && (!node.up() || !node.takes_data() || node.is_full() ||
                      world_.hosts().silence(id) > silence_max))
      uncertain_at_ = world_.now();
  }
  auto slack = units_of_slack * world_.options().unit_bytes_max;
  auto now = measure(false);
  for (const auto& [id, use] : now.use)
    if (use + share(slack, id) > now.mean + threshold / 2)
      above_goal_at_[id] = world_.now();
}

bool balance_checker::is_certain() const {
  return world_.now() - uncertain_at_ > notice_time;
}

void balance_checker::on_order(const keep::order& what, node_id from) {
  auto goal = above_goal_at_.find(from);
  auto was_above = goal != above_goal_at_.end() && world_.now() - goal->second <= notice_time;
  auto now = measure(false);
  if (is_certain() && !was_above)
    return world_.violate(
        storage_violation::needless_move,
        fmt::format("{} is to be moved away from node {}, of which {:.1f} % are used; the mean is "
                    "{:.1f} %, and the threshold {:.1f} %",
                    to_text(what.key), from, 100 * share(used_bytes(from, false), from),
                    100 * now.mean, 100 * world_.parameters().settings.rebalance_threshold));
  auto slack = units_of_slack * world_.options().unit_bytes_max;
  auto wanted_there = static_cast<std::uint64_t>(std::max<std::int64_t>(wanted_[what.at], 0));
  // What the state wants there may not be there yet, and what is there may not be wanted any more.
  auto target = share(std::min(wanted_there, used_bytes(what.at, false)), what.at);
  auto source = share(used_bytes(from, true), from);
  if (source + share(slack, from) + share(slack, what.at) < target)
    return world_.violate(
        storage_violation::moved_uphill,
        fmt::format("{} is to be moved from node {}, of which {:.1f} % are used, to node {}, of "
                    "which {:.1f} % are used",
                    to_text(what.key), from, 100 * source, what.at, 100 * target));
  auto allowed = moves_per_surplus * surplus_sum_ +
                 world_.node_count() * units_of_slack * world_.options().unit_bytes_max;
  if (moved_bytes_ > allowed)
    world_.violate(storage_violation::needless_move,
                   fmt::format("rebalancing has moved {} bytes, although nodes had no more than {} "
                               "above the mean",
                               moved_bytes_, surplus_sum_));
}

std::uint64_t balance_checker::bytes_over() {
  auto threshold = world_.parameters().settings.rebalance_threshold;
  if (threshold <= 0)
    return 0;
  std::uint64_t bytes = 0;
  auto now = measure(false);
  for (const auto& [id, use] : now.use)
    if (use > now.mean + threshold / 2)
      bytes += static_cast<std::uint64_t>((use - now.mean) *
                                          static_cast<double>(world_.node(id).capacity_bytes()));
  return bytes;
}

/// Could a unit of the node be moved to one below the mean?
bool balance_checker::can_relieve(node_id from, const level& now) const {
  auto threshold = world_.parameters().settings.rebalance_threshold;
  for (const auto& id : world_.state().units_on(from)) {
    const auto& unit = *world_.state().find(id);
    auto at = static_cast<std::uint32_t>(std::ranges::find(unit.nodes, from) - unit.nodes.begin());
    auto bytes = world_.fragment_bytes(unit, at);
    if (!world_.node(from).holds({id, at}))
      continue;
    for (const auto& [to, use] : now.use)
      if (use < now.mean && use + share(bytes, to) <= now.mean + threshold &&
          world_.node(to).free_bytes() >= bytes &&
          std::ranges::find(unit.nodes, to) == unit.nodes.end())
        return true;
  }
  return false;
}

std::string balance_checker::disorder() {
  auto threshold = world_.parameters().settings.rebalance_threshold;
  if (threshold <= 0)
    return {};
  auto now = measure(true);
  for (const auto& [id, use] : now.use)
    if (use > now.mean + threshold && can_relieve(id, now))
      return fmt::format("{:.1f} % of node {} are used, although the mean is {:.1f} %, and the "
                         "threshold {:.1f} %",
                         100 * use, id, 100 * now.mean, 100 * threshold);
  return {};
}

} // namespace atl::sim
