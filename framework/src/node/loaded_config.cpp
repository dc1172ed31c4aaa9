#include "loaded_config.hpp"

#include <atoll/node/data_folders.hpp>
#include <atoll/node/unite_keys.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <fmt/format.h>

namespace atl::node {

std::vector<key_spec> schema_of(const application& application) {
  std::vector<std::string> names;
  for (auto& role : application.roles)
    names.emplace_back(role->name());
  std::vector<std::vector<key_spec>> lists{node_keys(names)};
  for (auto& role : application.roles)
    lists.push_back(role->keys());
  lists.push_back(cluster_keys());
  lists.push_back(application.keys);
  for (auto& section : application.plugins)
    lists.push_back(plugin_keys(section));
  return unite_keys(lists);
}

namespace {

/// A mistake of the program, which would otherwise show as a handshake that peers can't read.
status check_roles(const application& application) {
  for (auto& role : application.roles)
    if (role->name().empty() || role->name().size() > runtime::role_name_bytes_max)
      return fail(errc::internal,
                  fmt::format("{} registers a role with the name '{}': a name has 1 to {} bytes",
                              application.program, role->name(), runtime::role_name_bytes_max));
  if (application.roles.size() > runtime::roles_max)
    return fail(errc::internal,
                fmt::format("{} registers {} roles, and a node has at most {}", application.program,
                            application.roles.size(), runtime::roles_max));
  return {};
}

} // namespace

result<loaded_config> load_config(const std::string& file, const application& application) {
  if (auto fine = check_roles(application); !fine)
    return tl::unexpected{fine.error()};
  auto config = config::load(file, schema_of(application));
  if (!config)
    return tl::unexpected{config.error()};
  config_errors problems{*config};
  auto cluster = read_cluster_config(*config, problems);
  auto self = read_node_config(*config, problems);
  for (auto& role : application.roles)
    if (self.has_role(role->name()) && !role->uses_several_disks())
      refuse_several_folders(*config, role->name(), problems);
  if (auto fine = problems.finish(); !fine)
    return tl::unexpected{fine.error()};
  if (application.check)
    if (auto fine = application.check(*config); !fine)
      return tl::unexpected{fine.error()};
  for (auto& role : application.roles)
    if (self.has_role(role->name()))
      if (auto fine = role->check(*config); !fine)
        return tl::unexpected{fine.error()};
  return loaded_config{std::move(*config), std::move(cluster), std::move(self)};
}

result<plugin_host> load_plugins(const loaded_config& all, const application& application,
                                 const announce_step& announce) {
  auto plugins =
      plugin_host::load(all.config, application.plugins, all.cluster.plugin_path, announce);
  if (!plugins)
    return plugins;
  if (auto fine = plugins->try_each(announce); !fine)
    return tl::unexpected{fine.error()};
  return plugins;
}

} // namespace atl::node
