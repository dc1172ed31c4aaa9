#pragma once

#include <atoll/node/cluster_config.hpp>
#include <atoll/node/group_config.hpp>
#include <atoll/node/node_files.hpp>
#include <atoll/node/unite_keys.hpp>

/// The files of an application of two roles: tellers, which are a group and listen where the group
/// says, and vaults, which have addresses of their own.
inline atl::node::node_file_format teller_format() {
  using namespace atl::node;
  node_file_format format;
  format.schema = unite_keys({node_keys({"teller", "vault"}),
                              cluster_keys(),
                              group_keys("tellers"),
                              {{.key = "node.door"}, {.key = "node.door_listen"}}});
  format.describe = [](const atl::config& config) -> atl::result<node_description> {
    config_errors problems{config};
    node_description says;
    says.cluster = read_cluster_config(config, problems);
    says.self = read_node_config(config, problems);
    for (auto& teller : read_group(config, "tellers", problems))
      if (teller.name == says.self.name) {
        says.listens.push_back({"its address among [[tellers]]", teller.address});
        says.advertised.push_back(says.listens.back());
      }
    if (config.is_set("node.door")) {
      says.advertised.push_back(
          {"node.door", problems.check_reachable("node.door", "node.door_listen")});
      says.listens.push_back(
          {"the address of its door",
           problems.check_listen("node.door_listen", says.advertised.back().where)});
    }
    return problems.finish(std::move(says));
  };
  return format;
}
