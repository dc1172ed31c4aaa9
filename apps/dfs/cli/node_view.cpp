#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/status_text.hpp"

#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/system.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using nlohmann::json;

constexpr std::size_t scheduler_threads = 1;

/// The address of a storage node's endpoint, as the masters know it.
atl::result<atl::endpoint> find_storage(context& with, const std::string& name) {
  auto masters = with.masters();
  if (!masters)
    return tl::unexpected{masters.error()};
  auto status = gather_status(**masters);
  if (!status)
    return tl::unexpected{status.error()};
  for (auto& storage : (*status)["storages"])
    if (storage["name"] == name)
      return atl::parse_endpoint(storage["endpoint"].get<std::string>());
  return fail(errc::not_found,
              fmt::format("the cluster has no node '{}'; write its HOST:PORT if it is new", name));
}

atl::result<atl::endpoint> find_node(context& with, const cluster_settings& cluster,
                                     const std::string& name) {
  for (auto& master : cluster.masters)
    if (master.name == name)
      return master.address;
  if (auto where = atl::parse_endpoint(name))
    return *where;
  return find_storage(with, name);
}

json describe(const atl::runtime::node_status& status,
              const std::vector<atl::runtime::plugin_entry>& plugins) {
  json node{{"name", status.name},
            {"cluster", status.cluster},
            {"address", status.address},
            {"roles", json::array()},
            {"plugins", json::array()}};
  for (auto& role : status.roles)
    node["roles"].push_back(
        {{"role", role.role}, {"health", to_string(role.health)}, {"text", role.text}});
  for (auto& plugin : plugins)
    node["plugins"].push_back({{"kind", plugin.kind},
                               {"name", plugin.name},
                               {"version", plugin.version},
                               {"interface", plugin.interface},
                               {"sha256", plugin.sha256}});
  return node;
}

void print_node(const atl::runtime::node_status& status,
                const std::vector<atl::runtime::plugin_entry>& plugins) {
  print("{} at {}, of the cluster {}\n", status.name, status.address, status.cluster);
  for (auto& role : status.roles)
    print("role       {}: {}{}{}\n", role.role, to_string(role.health),
          role.text.empty() ? "" : ", ", role.text);
  for (auto& plugin : plugins)
    print("{:<10} {} {}, interface {}, sha256 {}\n", plugin.kind, plugin.name, plugin.version,
          plugin.interface, plugin.sha256);
}

} // namespace

int show_node(context& with, const std::string& name) {
  auto cluster = with.settings();
  if (!cluster)
    return report_error(cluster.error());
  auto where = find_node(with, *cluster, name);
  if (!where)
    return report_error(where.error());
  atl::runtime::system actors{scheduler_threads, {cluster->name, "a client", {}, cluster->secret}};
  atl::runtime::node_client::settings how;
  how.self.cluster = cluster->name;
  how.self.name = "a client";
  how.connect_timeout = how.timeout = cluster->links.failure_timeout;
  atl::runtime::node_client node{actors, how};
  auto status = node.status(*where);
  if (!status)
    return report_error(status.error());
  auto plugins = node.inventory(*where);
  if (!plugins)
    return report_error(plugins.error());
  if (with.json)
    print("{}\n", describe(*status, *plugins).dump());
  else
    print_node(*status, *plugins);
  return done;
}

} // namespace dfs::cli
