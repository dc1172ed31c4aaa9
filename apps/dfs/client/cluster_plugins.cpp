#include "client/cluster_plugins.hpp"

#include <atoll/core/loaded_plugin.hpp>
#include <atoll/core/watched_balancer.hpp>
#include <atoll/node/plugin_host.hpp>

#include <fmt/format.h>

#include <chrono>
#include <random>
#include <utility>

namespace dfs {

namespace {

using atl::spi::plugin_kind;

/// How long a read waits for its balancer, which needs microseconds unless it hangs.
constexpr std::chrono::milliseconds balancer_time_max{1000};

atl::result<std::shared_ptr<const atl::plugin>> load_plugin(const cluster_settings& cluster,
                                                            plugin_kind kind,
                                                            const protocol::plugin_choice& choice) {
  auto found = atl::node::make_loader(cluster.plugin_path).load(kind, choice.name);
  if (found && (*found)->version() != choice.version)
    return atl::fail(atl::errc::refused,
                     fmt::format("{} is version {} here and {} on the masters: install the same "
                                 "one",
                                 (*found)->title(), (*found)->version(), choice.version));
  return found;
}

atl::result<std::shared_ptr<atl::spi::balancer>>
make_watched(const atl::plugin& plugin, const protocol::plugin_choice& choice) {
  auto made = plugin.create_balancer(choice.options, std::random_device{}());
  if (!made)
    return tl::unexpected{made.error()};
  return std::make_shared<atl::watched_balancer>(std::move(*made), balancer_time_max);
}

} // namespace

atl::result<std::shared_ptr<const cluster_plugins>>
cluster_plugins::load(const cluster_settings& cluster, protocol::cluster_info info) {
  auto balancer = load_plugin(cluster, plugin_kind::balancer, info.reads);
  if (!balancer)
    return tl::unexpected{balancer.error()};
  auto make_balancer = [plugin = std::move(*balancer), choice = info.reads] {
    return make_watched(*plugin, choice);
  };
  return std::make_shared<const cluster_plugins>(std::move(info), std::move(make_balancer));
}

cluster_plugins::cluster_plugins(protocol::cluster_info info, balancer_factory make_balancer)
    : info_{std::move(info)}, make_balancer_{std::move(make_balancer)} {}

} // namespace dfs
