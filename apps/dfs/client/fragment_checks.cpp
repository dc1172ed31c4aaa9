#include "client/fragment_checks.hpp"

#include <fmt/format.h>

#include <chrono>

namespace dfs {

namespace {

/// A node reads a whole fragment before it answers.
constexpr std::chrono::seconds answer_timeout{60};

} // namespace

atl::result<fragment_checks> fragment_checks::open(const cluster_settings& cluster,
                                                   control& masters) {
  auto info = masters.cluster_info();
  if (!info)
    return tl::unexpected{info.error()};
  bulk_options options;
  options.self.cluster = cluster.name;
  options.self.role = "client";
  options.secret = cluster.secret;
  options.timeouts.connect = std::chrono::ceil<std::chrono::milliseconds>(cluster.connect_timeout);
  options.timeouts.progress = answer_timeout;
  fragment_checks made;
  for (auto& view : info->storages)
    made.nodes_[view.target.id] = {view.target.name,
                                   std::make_unique<bulk_connection>(view.target.bulk, options)};
  return made;
}

void fragment_checks::check(const chunk_record& chunk, fragment_findings& found) {
  for (std::uint32_t index = 0; index < chunk.nodes.size(); ++index)
    check_fragment({chunk.id, index}, chunk.nodes[index], found);
}

void fragment_checks::check_fragment(const fragment_key& key, storage_id at,
                                     fragment_findings& found) {
  auto name = fmt::format("fragment {}", to_string(key));
  auto known = nodes_.find(at);
  if (at == no_storage || known == nodes_.end())
    return found.unknown.push_back(name + " is on no node that is known");
  auto intact = known->second.connection->report_damage(key);
  auto where = fmt::format("{} on {}", name, known->second.name);
  if (!intact && intact.error().code == atl::errc::not_found)
    return found.damaged.push_back(where + " is gone");
  if (!intact)
    return found.unknown.push_back(fmt::format("{}: {}", where, intact.error().message));
  ++found.fragments;
  if (!*intact)
    found.damaged.push_back(where + " was damaged, and is moved aside");
}

} // namespace dfs
