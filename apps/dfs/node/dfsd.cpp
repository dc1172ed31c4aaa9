#include "node/dfsd.hpp"

#include "common/actor_messages.hpp"
#include "node/master_role.hpp"
#include "node/storage_role.hpp"
#include "settings/plugins.hpp"
#include "settings/settings.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <fmt/format.h>

namespace dfs {

namespace {

atl::status check(const atl::config& config) {
  auto cluster = read_cluster(config);
  if (!cluster)
    return tl::unexpected{cluster.error()};
  auto node = read_node(config, *cluster);
  return node ? atl::status{} : tl::unexpected{node.error()};
}

} // namespace

atl::node::application make_application() {
  atl::node::application dfsd;
  dfsd.name = "dfs";
  dfsd.program = "dfsd";
  dfsd.version = ATOLL_VERSION;
  dfsd.description =
      "dfsd runs one node of a DFS cluster: a master, a storage node, or both.\n\n"
      "The node is described by a TOML file. --keys lists every key that it may have;\n"
      "configs/reference.toml shows them in use, docs/OPERATING.md tells how to run a\n"
      "cluster. 'dfs up FOLDER' starts all nodes of a folder.";
  dfsd.keys = shared_keys();
  dfsd.plugins = plugin_sections();
  dfsd.roles = {std::make_shared<master_role>(), std::make_shared<storage_role>()};
  dfsd.replace_advice = [](const std::string& node) {
    return fmt::format(
        "say so with 'dfs admin master replace {}' or 'dfs admin storage replace {}'", node, node);
  };
  dfsd.check = check;
  dfsd.register_messages = [] { caf::init_global_meta_objects<caf::id_block::dfs>(); };
  return dfsd;
}

} // namespace dfs
