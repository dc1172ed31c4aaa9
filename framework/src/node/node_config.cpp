#include <atoll/node/data_folders.hpp>
#include <atoll/node/node_config.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

namespace atl::node {

namespace {

using spi::option_type;

log::level log_level_of(std::string_view text) {
  return text == "debug"     ? log::level::debug
         : text == "info"    ? log::level::info
         : text == "warning" ? log::level::warning
                             : log::level::error;
}

} // namespace

bool node_config::has_role(std::string_view role) const {
  return std::ranges::find(roles, role) != roles.end();
}

std::vector<key_spec> node_keys(const std::vector<std::string>& roles) {
  return {
      {.key = "node.name", .required = true, .meaning = "Unique in the cluster."},
      {.key = "node.roles",
       .is_list = true,
       .required = true,
       .maximum = fmt::format("{}", fmt::join(roles, "|")),
       .meaning = "What the node does: one role or several."},
      {.key = "node.data",
       .is_list = true,
       .required = true,
       .meaning = "The folder that holds all the node's data; a relative one starts at the file. "
                  "Of a role that can use several disks also a list: a folder on each disk.",
       .is_path = true},
      {.key = "node.listen",
       .meaning = "host:port where the node listens for other nodes, if a role names no address or "
                  "another one, at which the others find it: in a container, or behind a proxy. "
                  "Where no role names a port either, any free one."},
      {.key = "node.threads",
       .type = option_type::integer,
       .default_value = "1",
       .minimum = "1",
       .maximum = "256",
       .meaning = "Threads for the actors, which never wait; those for disks, network and bulk "
                  "data come on top."},
      {.key = "node.log_level",
       .default_value = "info",
       .maximum = "debug|info|warning|error",
       .meaning = "Which log lines the node writes to its standard error."},
  };
}

node_config read_node_config(const config& config, config_errors& problems) {
  node_config node;
  node.name = config.text("node.name");
  problems.check_name("node.name");
  for (auto& role : config.texts("node.roles"))
    if (!node.has_role(role))
      node.roles.push_back(role);
  if (node.roles.empty())
    problems.add("node.roles", "the node has nothing to do: give it a role");
  check_data_folders(config, problems);
  if (auto folders = data_folders(config); !folders.empty())
    node.data = folders.front();
  problems.check_listen("node.listen", {});
  node.threads = static_cast<std::uint32_t>(config.integer("node.threads"));
  node.log_level = log_level_of(config.text("node.log_level"));
  return node;
}

} // namespace atl::node
