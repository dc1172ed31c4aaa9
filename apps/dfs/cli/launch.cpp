#include "cli/cluster_status.hpp"
#include "cli/commands.hpp"
#include "cli/node_format.hpp"

#include <atoll/core/shell_word.hpp>
#include <atoll/node/launcher.hpp>
#include <atoll/node/node_process.hpp>

#include <fmt/format.h>

namespace dfs::cli {

namespace {

/// Why the cluster isn't ready; empty if it is.
std::string not_ready(const cluster_status& status,
                      const std::vector<atl::node::local_node>& nodes) {
  if (auto why = why_incomplete(status.masters); !why.empty())
    return why;
  for (auto& it : nodes) {
    if (!it.has_role(storage_role_name))
      continue;
    auto up = false;
    for (auto& storage : status.view["storages"])
      up = up || (storage["name"] == it.name && storage["health"] == "up");
    if (!up)
      return fmt::format("storage node {} hasn't joined", it.name);
  }
  return {};
}

/// Asks the masters of the folder's cluster until all its nodes have joined.
atl::result<std::function<std::string()>> watch(context& with, const std::filesystem::path& folder,
                                                const std::vector<atl::node::local_node>& nodes) {
  with.cluster_file = folder.string();
  auto connected = with.masters();
  if (!connected)
    return tl::unexpected{connected.error()};
  return [masters = std::shared_ptr{std::move(*connected)}, nodes] {
    auto status = gather_status(*masters);
    return status ? not_ready(*status, nodes) : status.error().message;
  };
}

} // namespace

atl::node::launch_settings launch_settings_of(context& with) {
  atl::node::launch_settings how;
  how.command = "dfs";
  how.program = atl::node::sibling_program("dfsd");
  how.format = node_format();
  how.check = [&with](const std::filesystem::path& folder) {
    with.cluster_file = folder.string();
    auto cluster = with.settings();
    return cluster ? atl::status{} : tl::unexpected{cluster.error()};
  };
  how.watch = [&with](auto& folder, auto& nodes) { return watch(with, folder, nodes); };
  how.ready_message = [](const std::filesystem::path& folder) {
    return fmt::format("the cluster answers; use it with: export DFS_CLUSTER={}",
                       atl::shell_word(folder.string()));
  };
  return how;
}

} // namespace dfs::cli
