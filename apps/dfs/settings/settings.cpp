#include "settings/settings.hpp"

#include "common/upkeep.hpp"

#include <atoll/core/quantity.hpp>
#include <atoll/node/data_folders.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

using atl::node::config_errors;

namespace {

upkeep_values read_upkeep(const atl::config& config) {
  upkeep_values upkeep;
  for (const auto& each : upkeep_settings()) {
    auto key = std::string{each.key};
    auto text = each.type == atl::spi::option_type::duration
                    ? atl::format_duration(config.duration(key))
                : each.type == atl::spi::option_type::size
                    ? atl::format_size(static_cast<std::int64_t>(config.size(key)))
                    : fmt::format("{}", config.real(key));
    [[maybe_unused]] auto ok = set_upkeep(upkeep, key, text); // the schema has the same bounds
  }
  return upkeep;
}

/// The deadline is that for busy nodes.
atl::spi::transfer_policy read_transfers(const atl::config& config) {
  atl::spi::transfer_policy policy;
  policy.sends = static_cast<std::uint32_t>(config.integer("recovery.sends"));
  policy.placements = static_cast<std::uint32_t>(config.integer("recovery.placements"));
  policy.first_timeout = config.duration("recovery.first_timeout");
  policy.backoff = config.duration("recovery.backoff");
  policy.backoff_max = config.duration("recovery.backoff_max");
  policy.hedge_after = config.duration("recovery.hedge_after");
  policy.deadline = config.duration("client.busy_timeout");
  return policy;
}

} // namespace

atl::result<cluster_settings> read_cluster(const atl::config& config) {
  config_errors problems{config};
  cluster_settings cluster;
  static_cast<atl::node::cluster_config&>(cluster) =
      atl::node::read_cluster_config(config, problems);
  cluster.masters = atl::node::read_group(config, "masters", problems);
  cluster.placement = atl::node::read_pool(config, "placement");
  cluster.chunk_bytes = config.size("files.chunk_size");
  if (cluster.chunk_bytes % (64 << 10) != 0)
    problems.add("files.chunk_size",
                 "must be a multiple of 64KiB, the size of a checksummed block");
  cluster.inline_bytes = config.size("files.inline_limit");
  cluster.durability =
      config.text("files.durability") == "fsync" ? durability::fsync : durability::replicated;
  cluster.trash = config.duration("files.trash");
  cluster.grace = config.duration("files.grace");
  cluster.collection_interval = config.duration("files.collection_interval");
  cluster.session_expiry = config.duration("files.session_expiry");
  cluster.upkeep = read_upkeep(config);
  cluster.upkeep.grace = cluster.grace;
  cluster.upkeep.audit_pause = cluster.collection_interval;
  cluster.upkeep.down_after = cluster.links.failure_timeout;
  cluster.connect_timeout = config.duration("client.connect_timeout");
  cluster.transfer_timeout = config.duration("client.transfer_timeout");
  cluster.busy_timeout = config.duration("client.busy_timeout");
  cluster.transfers = read_transfers(config);
  if (cluster.transfers.backoff > cluster.transfers.backoff_max)
    problems.add("recovery.backoff", "must not be above recovery.backoff_max");
  cluster.client_zone = config.text("client.zone");
  if (cluster.session_expiry <= 2 * cluster.client_timeout)
    problems.add("files.session_expiry", "must be above twice client.timeout: a client must not "
                                         "repeat a command whose session is forgotten");
  return problems.finish(std::move(cluster));
}

atl::result<node_settings> read_node(const atl::config& config, const cluster_settings& cluster) {
  config_errors problems{config};
  node_settings node;
  static_cast<atl::node::node_config&>(node) = atl::node::read_node_config(config, problems);
  auto entry = std::find_if(cluster.masters.begin(), cluster.masters.end(),
                            [&](auto& master) { return master.name == node.name; });
  if (node.is_master() && entry == cluster.masters.end())
    problems.add("node.roles", fmt::format("'{}' isn't among the masters of the cluster: add it to "
                                           "[[masters]], or take the role away",
                                           node.name));
  if (!node.is_master() && entry != cluster.masters.end())
    problems.add("node.roles", fmt::format("'{}' is among the masters of the cluster and must have "
                                           "the role \"master\"",
                                           node.name));
  if (entry != cluster.masters.end())
    node.control = entry->address;
  if (node.is_master())
    atl::node::refuse_several_folders(config, master_role_name, problems);
  if (node.is_storage() && !config.is_set("node.bulk"))
    problems.add("node.roles",
                 "a storage node needs node.bulk, the address where it serves chunks");
  if (config.is_set("node.bulk"))
    node.bulk = problems.check_reachable("node.bulk", "node.bulk_listen");
  if (config.is_set("node.bulk_listen") && !node.is_storage())
    problems.add("node.bulk_listen", "only a storage node listens there; a master has node.listen");
  node.bulk_listen = problems.check_listen("node.bulk_listen", node.bulk);
  if (node.is_master()) {
    node.control_listen = problems.check_listen("node.listen", node.control);
  } else {
    node.control_listen = problems.check_listen("node.listen", {node.bulk_listen.host, 0});
    node.control = node.control_listen;
    if (!config.is_set("node.listen") || atl::node::is_any_address(node.control.host))
      node.control.host = node.bulk.host;
  }
  node.zone = config.text("node.zone");
  if (node.zone.size() > atl::node::name_bytes_max)
    problems.add("node.zone", fmt::format("is longer than {} bytes", atl::node::name_bytes_max));
  node.weight = config.real("node.weight");
  node.reserve_bytes = config.size("node.reserve");
  node.snapshot_port = static_cast<std::uint16_t>(config.integer("node.snapshot_port"));
  node.connections_max = static_cast<std::uint32_t>(config.integer("node.connections"));
  node.write_buffer_bytes = config.size("node.write_buffer");
  node.scrub_period = config.duration("scrub.period");
  node.scrub_rate_bytes = config.size("scrub.rate");
  return problems.finish(std::move(node));
}

} // namespace dfs
