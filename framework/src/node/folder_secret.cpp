#include <atoll/net/cluster_secret.hpp>
#include <atoll/node/cluster_config.hpp>
#include <atoll/node/folder_secret.hpp>
#include <atoll/node/node_process.hpp>
#include <atoll/node/process_table.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace atl::node {

namespace {

namespace fs = std::filesystem;

bool does_any_run(const fs::path& folder, const std::vector<local_node>& nodes) {
  return std::ranges::any_of(nodes, [](auto& node) { return running(node).has_value(); }) ||
         !processes_of(absolute_path(folder)).empty();
}

/// Another process may make the file at the same time: then its secret is the cluster's.
status make_or_load(const fs::path& file) {
  auto made = net::cluster_secret::create(file);
  if (!made && made.error().code == errc::exists)
    made = net::cluster_secret::load(file);
  return made ? status{} : tl::unexpected{made.error()};
}

} // namespace

status make_secret(const fs::path& folder) {
  auto made = net::cluster_secret::create(folder / secret_file_name);
  return made ? status{} : tl::unexpected{made.error()};
}

status make_missing_secret(const fs::path& folder, const std::vector<local_node>& nodes) {
  auto lacks = [](const local_node& node) { return !node.has_secret; };
  if (std::ranges::none_of(nodes, lacks) || does_any_run(folder, nodes))
    return {};
  for (auto& node : nodes) {
    if (!lacks(node))
      continue;
    // Nodes of other folders may run with the same cluster's file.
    if (std::error_code unknown; !fs::equivalent(node.secret_file.parent_path(), folder, unknown))
      return fail(errc::refused, fmt::format("the cluster's file is in another folder, {}",
                                             node.secret_file.parent_path().string()));
    if (auto made = make_or_load(node.secret_file); !made)
      return made;
  }
  return {};
}

} // namespace atl::node
