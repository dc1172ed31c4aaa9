#include "cli/chunk_places.hpp"

#include "cli/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace dfs::cli {

namespace {

using nlohmann::json;

/// Nodes that haven't reported to the master since it started are known only from the name space.
atl::status add_silent_nodes(control& masters, storage_names& out) {
  auto after = no_storage;
  for (;;) {
    auto page = masters.query(queries::summary{after});
    if (!page)
      return tl::unexpected{page.error()};
    for (auto& node : page->storages)
      out.by_id.try_emplace(node.id, storage_names::node{node.name, false});
    if (!page->more || page->storages.empty())
      return {};
    after = page->storages.back().id;
  }
}

/// The node's name of each fragment, by index; null for a fragment that is not stored.
json describe_copies(const chunk_record& chunk, const storage_names& names) {
  auto list = json::array();
  for (auto id : chunk.nodes) {
    auto node = names.by_id.find(id); // a node with a new disk has a new id
    list.push_back(node == names.by_id.end() ? json{} : json(node->second.name));
  }
  return list;
}

json down_nodes(const chunk_record& chunk, const storage_names& names) {
  auto list = json::array();
  for (auto id : chunk.nodes)
    if (auto node = names.by_id.find(id); node != names.by_id.end() && !node->second.is_up)
      list.push_back(node->second.name);
  return list;
}

} // namespace

atl::result<storage_names> find_storage_names(control& masters) {
  auto cluster = masters.cluster_info();
  if (!cluster)
    return tl::unexpected{cluster.error()};
  storage_names names;
  for (auto& node : cluster->storages)
    names.by_id[node.target.id] = {node.target.name, node.healthy};
  if (auto added = add_silent_nodes(masters, names); !added)
    return tl::unexpected{added.error()};
  return names;
}

json describe_chunk(const piece& part, const storage_names& names) {
  auto& chunk = std::get<chunk_part>(part.content).chunk;
  auto copies = describe_copies(chunk, names);
  auto missing = std::count(copies.begin(), copies.end(), json{});
  return {{"chunk", to_string(chunk.id)},     {"bytes", part.length_bytes},
          {"storages", chunk.nodes},          {"names", std::move(copies)},
          {"down", down_nodes(chunk, names)}, {"missing", missing}};
}

std::string place_text(const json& chunk) {
  std::vector<std::string> on;
  for (auto& name : chunk["names"]) {
    if (name.is_null())
      continue;
    auto& down = chunk["down"];
    auto is_down = std::find(down.begin(), down.end(), name) != down.end();
    on.push_back(display_name(name.get<std::string>()) + (is_down ? " (down)" : ""));
  }
  auto text =
      on.empty() ? std::string{"on no storage node"} : fmt::format("on {}", fmt::join(on, ", "));
  auto missing = chunk["missing"].get<std::size_t>();
  if (missing > 0)
    text += fmt::format("; {} {} missing", missing, missing == 1 ? "fragment is" : "fragments are");
  return text;
}

} // namespace dfs::cli
