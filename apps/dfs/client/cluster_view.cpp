#include "client/cluster_view.hpp"

#include <utility>

namespace dfs {

atl::result<std::unique_ptr<cluster_view>> cluster_view::open(const cluster_settings& cluster,
                                                              const master_calls& masters) {
  auto info = masters.cluster_info();
  if (!info)
    return tl::unexpected{info.error()};
  node_directory nodes{{}, std::move(info->storages)};
  info->storages.clear();
  auto plugins = cluster_plugins::load(cluster, std::move(*info));
  if (!plugins)
    return tl::unexpected{plugins.error()};
  return std::make_unique<cluster_view>(cluster, masters, std::move(*plugins), std::move(nodes));
}

cluster_view::cluster_view(const cluster_settings& cluster, master_calls masters,
                           std::shared_ptr<const cluster_plugins> plugins, node_directory nodes)
    : cluster_{cluster}, masters_{std::move(masters)}, policies_{cluster, masters_},
      plugins_{std::move(plugins)}, nodes_{
                                        std::make_shared<const node_directory>(std::move(nodes))} {}

atl::status cluster_view::refresh() {
  auto info = masters_.cluster_info();
  if (!info)
    return tl::unexpected{info.error()};
  std::lock_guard lock{mutex_};
  nodes_ = std::make_shared<const node_directory>(*nodes_, std::move(info->storages));
  return {};
}

std::shared_ptr<const cluster_plugins> cluster_view::plugins() const {
  std::lock_guard lock{mutex_};
  return plugins_;
}

std::shared_ptr<const node_directory> cluster_view::nodes() const {
  std::lock_guard lock{mutex_};
  return nodes_;
}

} // namespace dfs
