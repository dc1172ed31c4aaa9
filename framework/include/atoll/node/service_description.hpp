#pragma once

#include <atoll/node/launcher.hpp>
#include <atoll/node/plugin_section.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace atl::node {

/// What the members and the clients of a replicated service agree on.
struct service_description {
  std::string name;                           ///< the role's, in `node.roles`: `jobs`
  std::string members = "members";            ///< the array of tables that names the members
  std::string consensus = "consensus.plugin"; ///< the key that chooses the protocol
  /// The key that says how much memory caches the rows of its state. Services of one node may share
  /// the key: each has a cache of that size.
  std::string cache = "service.cache";
  /// Where the configuration chooses plugins.
  std::vector<plugin_section> plugins{{"consensus.plugin", spi::plugin_kind::consensus, "raft",
                                       "The protocol by which the members agree.",
                                       "What the protocol lets you set."}};
  /// The command, with `add_group_commands` below it, by which an operator administers the group:
  /// `jobs member`. Empty: there is none, and then no member can be let in later.
  std::string admin_command{};
  /// The name that the state's folder had before groups had folders. Empty: there was none.
  std::string former_state{};
  /// Roles that the members' nodes may have besides, and the keys of these roles: the operator's
  /// program, which starts the nodes, reads them too.
  std::vector<std::string> other_roles{};
  std::vector<key_spec> other_keys{};
};

/// The keys of a replica that aren't keys of each node: `node.snapshot_port`, `node.reserve`, and
/// that of the service's cache.
std::vector<key_spec> replica_keys(const service_description& service);

/// All keys of the cluster's file, which is all that a client reads.
std::vector<key_spec> cluster_schema_of(const service_description& service);

/// How `COMMAND up` and `COMMAND down` start the nodes of a cluster that has this service alone. It
/// is ready when each member takes part and the service answers queries; `other_roles` aren't
/// waited for.
/// @param command the operator's program; its folder has the program of a node, `node_program`
launch_settings launch_settings_of(const service_description& service, const std::string& command,
                                   const std::string& node_program);

} // namespace atl::node
