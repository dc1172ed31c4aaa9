#include "master/registry.hpp"

#include <cmath>

namespace dfs {

namespace {

/// A process sends its next report only after the answer to the one before: it lives. A single
/// report may have been on its way when the process ended.
constexpr std::uint32_t reports_of_the_living = 2;

} // namespace

storage_registry::sender storage_registry::judge_sender(const protocol::storage_heartbeat& report,
                                                        steady_time now) {
  auto* known = find(report.name);
  if (!known || known->last.uuid != report.uuid || known->last.incarnation == report.incarnation)
    return sender::current;
  if (known->copy == report.incarnation)
    return sender::copy;
  auto& former = known->former;
  if (!former || former->incarnation != report.incarnation) {
    former = {known->last.incarnation, alive(*known, now), 0};
    return sender::current;
  }
  if (!former->was_alive)
    return sender::copy;
  if (++former->heard < reports_of_the_living)
    return sender::doubtful;
  known->copy = known->last.incarnation;
  former.reset();
  return sender::current;
}

storage_registry::node& storage_registry::update(const protocol::storage_heartbeat& report,
                                                 steady_time now) {
  auto& found = nodes_[report.name];
  if (found.last.uuid != report.uuid) // another data folder: all knowledge about the node is void
    found = node{};
  found.last = report;
  found.last.findings.clear();
  found.last.done.clear();
  found.last.slice.reset();
  if (!std::isfinite(found.last.weight) || found.last.weight < 0)
    found.last.weight = 0;
  found.seen = now;
  return found;
}

storage_registry::node* storage_registry::find(const std::string& name) {
  auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

const storage_registry::node* storage_registry::find(storage_id id) const {
  for (auto& [name, node] : nodes_)
    if (node.id == id && id != no_storage)
      return &node;
  return nullptr;
}

bool storage_registry::alive(const node& which, steady_time now) const {
  return now - which.seen <= failure_timeout_;
}

bool storage_registry::has_joined(const node& which) {
  return which.id != no_storage && !which.last.group.empty();
}

bool storage_registry::healthy(const node& which, steady_time now) const {
  return alive(which, now) && has_joined(which) && which.last.failed.empty() &&
         which.state == storage_state::active;
}

} // namespace dfs
