#include "client/node_directory.hpp"

#include <algorithm>
#include <utility>

namespace dfs {

node_directory::node_directory(const node_directory& former,
                               std::vector<protocol::storage_view> views)
    : nodes_{former.nodes_}, generation_{former.generation_ + 1} {
  for (auto& view : views) {
    auto id = view.target.id;
    nodes_.insert_or_assign(id, std::move(view));
  }
  has_unhealthy_ = std::ranges::any_of(nodes_, [](auto& entry) { return !entry.second.healthy; });
}

const protocol::storage_view* node_directory::find(storage_id node) const {
  auto found = nodes_.find(node);
  return found == nodes_.end() ? nullptr : &found->second;
}

bool node_directory::knows_any(std::span<const storage_id> nodes) const {
  return std::ranges::any_of(
      nodes, [this](storage_id id) { return id != no_storage && nodes_.contains(id); });
}

bool node_directory::has_healthy(const std::function<bool(storage_id)>& is_excluded) const {
  return std::ranges::any_of(
      nodes_, [&](auto& entry) { return entry.second.healthy && !is_excluded(entry.first); });
}

std::vector<protocol::storage_view> node_directory::views() const {
  std::vector<protocol::storage_view> all;
  for (auto& [id, view] : nodes_)
    all.push_back(view);
  return all;
}

} // namespace dfs
