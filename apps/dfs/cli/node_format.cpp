#include "cli/node_format.hpp"

#include "settings/settings.hpp"

namespace dfs::cli {

namespace {

atl::result<atl::node::node_description> describe(const atl::config& config) {
  auto cluster = read_cluster(config);
  if (!cluster)
    return tl::unexpected{cluster.error()};
  auto node = read_node(config, *cluster);
  if (!node)
    return tl::unexpected{node.error()};
  atl::node::node_description says{*node, *cluster, {}, {}};
  if (node->is_master()) {
    says.listens.push_back({"the address where it listens as master", node->control_listen});
    says.advertised.push_back({"its address among [[masters]]", node->control});
    if (node->snapshot_port != 0)
      says.listens.push_back(
          {"node.snapshot_port", {node->control_listen.host, node->snapshot_port}});
  }
  if (!node->is_master())
    says.listens.push_back({"node.listen", node->control_listen});
  if (node->is_storage()) {
    says.listens.push_back({"the address where it serves chunks", node->bulk_listen});
    says.advertised.push_back({"node.bulk", node->bulk});
  }
  return says;
}

} // namespace

atl::node::node_file_format node_format() {
  auto schema = node_schema();
  return {{schema.begin(), schema.end()}, describe};
}

} // namespace dfs::cli
