#include "service_cache.hpp"

#include <atoll/core/shell_word.hpp>
#include <atoll/node/cluster_config.hpp>
#include <atoll/node/group_config.hpp>
#include <atoll/node/group_overview.hpp>
#include <atoll/node/node_process.hpp>
#include <atoll/node/service_connection.hpp>
#include <atoll/node/service_description.hpp>
#include <atoll/node/unite_keys.hpp>

#include <fmt/format.h>

#include <memory>

namespace atl::node {

namespace {

constexpr const char* cluster_file = "cluster.toml";

node_file_format format_of(const service_description& service) {
  node_file_format format;
  std::vector<std::string> roles{service.name};
  roles.insert(roles.end(), service.other_roles.begin(), service.other_roles.end());
  format.schema = unite_keys({node_keys(roles), replica_keys(service), cluster_schema_of(service)});
  format.describe = [array = service.members](const config& config) -> result<node_description> {
    config_errors problems{config};
    node_description says;
    says.self = read_node_config(config, problems);
    says.cluster = read_cluster_config(config, problems);
    auto is_member = false;
    for (auto& member : read_group(config, array, problems)) {
      if (member.name != says.self.name)
        continue;
      is_member = true;
      says.advertised.push_back({fmt::format("its address among [[{}]]", array), member.address});
      says.listens.push_back(
          {"the address where it listens", problems.check_listen("node.listen", member.address)});
    }
    if (!is_member)
      problems.add("node.name", fmt::format("'{}' isn't among [[{}]], the members of the group",
                                            says.self.name, array));
    else if (auto port = config.integer("node.snapshot_port"); port != 0)
      says.listens.push_back({"node.snapshot_port",
                              {says.listens.back().where.host, static_cast<std::uint16_t>(port)}});
    return problems.finish(std::move(says));
  };
  return format;
}

/// A service is ready when its members take part, and it answers a query: an empty one will do,
/// whatever it means.
result<std::function<std::string()>> watch(const service_description& service,
                                           const std::filesystem::path& folder) {
  auto to = read_service_address(folder / cluster_file, service);
  if (!to)
    return tl::unexpected{to.error()};
  return [connection = std::make_shared<service_connection>(*to), role = service.name] {
    auto group = ask_group((*connection)->group(), role);
    if (!group)
      return group.error().message;
    if (auto why = why_incomplete(*group); !why.empty())
      return why;
    auto answer = (*connection)->query({});
    return answer ? std::string{} : answer.error().message;
  };
}

} // namespace

std::vector<key_spec> replica_keys(const service_description& service) {
  using spi::option_type;
  return {
      {.key = "node.snapshot_port",
       .type = option_type::integer,
       .default_value = "0",
       .minimum = "0",
       .maximum = "65535",
       .meaning = "Where a member gives snapshots to members that lag behind; 0: any free port."},
      {.key = "node.reserve",
       .type = option_type::size,
       .default_value = "256MiB",
       .minimum = "0",
       .meaning = "Free space that the node leaves on its disk: below it only what frees space is "
                  "taken."},
      cache_key(service),
  };
}

std::vector<key_spec> cluster_schema_of(const service_description& service) {
  std::vector<std::vector<key_spec>> lists{cluster_keys(), group_keys(service.members),
                                           service.other_keys};
  for (auto& section : service.plugins)
    lists.push_back(plugin_keys(section));
  return unite_keys(lists);
}

launch_settings launch_settings_of(const service_description& service, const std::string& command,
                                   const std::string& node_program) {
  launch_settings how;
  how.command = command;
  how.program = sibling_program(node_program);
  how.format = format_of(service);
  how.check = [service](const std::filesystem::path& folder) {
    auto to = read_service_address(folder, service);
    return to ? status{} : tl::unexpected{to.error()};
  };
  how.watch = [service](const std::filesystem::path& folder, const std::vector<local_node>&) {
    return watch(service, folder);
  };
  how.ready_message = [command](const std::filesystem::path& folder) {
    return fmt::format("the cluster answers; its file is {}",
                       shell_word((folder / cluster_file).string()));
  };
  return how;
}

} // namespace atl::node
