#include "task_table.hpp"

#include <algorithm>

namespace atl::keep {

namespace {

constexpr std::uint32_t last_fragment = ~std::uint32_t{0};

} // namespace

task& task_table::add(task what) {
  auto& to = traffic_[what.to];
  ++to.in;
  to.bytes_in += what.bytes;
  for (auto sender : what.senders)
    ++traffic_[sender].out;
  if (what.why != task::purpose::repair)
    traffic_[what.from].bytes_leaving += what.bytes;
  by_key_[what.key] = what.id;
  auto id = what.id;
  return tasks_.emplace(id, std::move(what)).first->second;
}

task* task_table::find(ticket id) {
  auto known = tasks_.find(id);
  return known == tasks_.end() ? nullptr : &known->second;
}

const task* task_table::find(const fragment_key& key) const {
  auto known = by_key_.find(key);
  return known == by_key_.end() ? nullptr : &tasks_.at(known->second);
}

bool task_table::has_unit(const unit_id& unit) const {
  auto first = by_key_.lower_bound({unit, 0});
  return first != by_key_.end() && first->first.unit == unit;
}

std::vector<node_id> task_table::targets_of(const unit_id& unit) const {
  std::vector<node_id> targets;
  auto end = by_key_.upper_bound({unit, last_fragment});
  for (auto at = by_key_.lower_bound({unit, 0}); at != end; ++at)
    targets.push_back(tasks_.at(at->second).to);
  return targets;
}

bool task_table::is_target(const unit_id& unit, node_id node) const {
  auto targets = targets_of(unit);
  return std::ranges::find(targets, node) != targets.end();
}

void task_table::on_relocated(const fragment_key& key, node_id to) {
  auto end = by_key_.upper_bound({key.unit, last_fragment});
  for (auto at = by_key_.lower_bound({key.unit, 0}); at != end; ++at)
    tasks_.at(at->second).unit.nodes[key.fragment] = to;
}

void task_table::set_copied(task& which) {
  if (which.is_copied)
    return;
  which.is_copied = true;
  auto& to = traffic_[which.to];
  --to.in;
  to.bytes_in -= which.bytes;
  for (auto sender : which.senders)
    --traffic_[sender].out;
}

void task_table::erase(ticket id) {
  auto known = tasks_.find(id);
  if (known == tasks_.end())
    return;
  set_copied(known->second);
  if (known->second.why != task::purpose::repair)
    traffic_[known->second.from].bytes_leaving -= known->second.bytes;
  by_key_.erase(known->second.key);
  tasks_.erase(known);
}

void task_table::clear() {
  tasks_.clear();
  by_key_.clear();
  traffic_.clear();
}

std::vector<ticket> task_table::overdue(spi::timestamp now) const {
  std::vector<ticket> found;
  for (const auto& [id, each] : tasks_)
    if (!each.is_copied && now >= each.deadline)
      found.push_back(id);
  return found;
}

std::vector<ticket> task_table::awaited_from(node_id target) const {
  std::vector<ticket> found;
  for (const auto& [id, each] : tasks_)
    if (!each.is_copied && each.to == target)
      found.push_back(id);
  return found;
}

std::size_t task_table::with_purpose(task::purpose why, node_id from) const {
  return static_cast<std::size_t>(std::ranges::count_if(tasks_, [&](const auto& entry) {
    return entry.second.why == why && entry.second.from == from;
  }));
}

} // namespace atl::keep
