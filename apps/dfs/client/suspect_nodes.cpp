#include "client/suspect_nodes.hpp"

#include <algorithm>
#include <functional>

namespace dfs {

void suspect_nodes::add(storage_id node, clock::time_point now) {
  std::lock_guard lock{mutex_};
  until_[node] = now + lifetime;
}

void suspect_nodes::remove(storage_id node) {
  std::lock_guard lock{mutex_};
  until_.erase(node);
}

std::vector<storage_id> suspect_nodes::list(clock::time_point now) {
  std::lock_guard lock{mutex_};
  std::erase_if(until_, [&](auto& entry) { return now >= entry.second; });
  std::vector<storage_id> nodes;
  for (auto& [node, until] : until_)
    nodes.push_back(node);
  std::ranges::stable_sort(nodes, std::greater{}, [&](storage_id node) { return until_.at(node); });
  return nodes;
}

} // namespace dfs
