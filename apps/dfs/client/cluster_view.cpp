#include "client/cluster_view.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

namespace dfs {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds refresh_interval{1};

} // namespace

struct cluster_view::state {
  std::mutex mutex; ///< guards what follows
  plugins_pointer plugins;
  std::optional<protocol::cluster_info> other; ///< settings whose plugins aren't loaded yet
  std::shared_ptr<const node_directory> nodes;
  clock::time_point asked = clock::now();

  void take(protocol::cluster_info info) {
    std::lock_guard lock{mutex};
    nodes = std::make_shared<const node_directory>(*nodes, std::move(info.storages));
    info.storages.clear();
    if (info.version == plugins->info().version)
      other.reset();
    else
      other = std::move(info);
  }
};

atl::result<std::unique_ptr<cluster_view>> cluster_view::open(const cluster_settings& cluster,
                                                              const master_calls& masters) {
  auto info = masters.cluster_info();
  if (!info)
    return tl::unexpected{info.error()};
  node_directory nodes{{}, std::exchange(info->storages, {})};
  auto load = [&cluster](protocol::cluster_info of) {
    return cluster_plugins::load(cluster, std::move(of));
  };
  auto plugins = load(std::move(*info));
  if (!plugins)
    return tl::unexpected{plugins.error()};
  auto schemes = std::make_shared<scheme_library>(cluster.plugin_path);
  auto find_scheme = [schemes](policy_id id, const dfs::policy& what) {
    return schemes->find(id, what);
  };
  return std::make_unique<cluster_view>(cluster, masters, load, find_scheme, std::move(*plugins),
                                        std::move(nodes));
}

cluster_view::cluster_view(const cluster_settings& cluster, master_calls masters,
                           plugin_loader load, dfs::policies::scheme_finder find_scheme,
                           plugins_pointer plugins, node_directory nodes)
    : cluster_{cluster}, masters_{std::move(masters)}, policies_{masters_, std::move(find_scheme),
                                                                 cluster.client_refusal_timeout},
      load_{std::move(load)}, state_{std::make_shared<state>()} {
  state_->plugins = std::move(plugins);
  state_->nodes = std::make_shared<const node_directory>(std::move(nodes));
}

cluster_view::~cluster_view() = default;

atl::status cluster_view::refresh() {
  auto info = masters_.cluster_info();
  if (!info)
    return tl::unexpected{info.error()};
  state_->take(std::move(*info));
  return {};
}

void cluster_view::refresh_soon() {
  {
    std::lock_guard lock{state_->mutex};
    if (clock::now() - state_->asked < refresh_interval)
      return;
    state_->asked = clock::now();
  }
  masters_.request_cluster_info([known = state_](atl::result<protocol::cluster_info> info) {
    if (info) // otherwise what is known stays
      known->take(std::move(*info));
  });
}

atl::status cluster_view::note_version(std::uint64_t settings_version) {
  {
    std::lock_guard lock{state_->mutex};
    auto& known = state_->other ? *state_->other : state_->plugins->info();
    if (known.version == settings_version)
      return {};
  }
  return refresh();
}

/// The caller that needs other plugins loads them, because threads that bring answers don't wait
/// for disks.
atl::result<cluster_view::plugins_pointer> cluster_view::plugins() {
  std::lock_guard lock{state_->mutex};
  if (!state_->other)
    return state_->plugins;
  auto loaded = load_(*state_->other);
  if (!loaded)
    return tl::unexpected{loaded.error()};
  state_->plugins = std::move(*loaded);
  state_->other.reset();
  return state_->plugins;
}

std::shared_ptr<const node_directory> cluster_view::nodes() const {
  std::lock_guard lock{state_->mutex};
  return state_->nodes;
}

} // namespace dfs
