#pragma once

#include "common/conversion_protocol.hpp"
#include "master/master_actor.hpp"

#include <atoll/net/gatekeeper.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dfs {

/// The content of `dfs status`, as one master sees it.
struct status_view {
  const atl::runtime::node_info& self;
  const atl::runtime::role_info& role; ///< the master's
  const master_policy& policy;
  const storage_registry& registry;
  const atl::runtime::replica_view& replica;
  const atl::result<responses::summary>& summary;
  const std::string& plugin_problem;
  const std::map<std::string, refused_node>& refused;
  std::string waiting; ///< why the master belongs to no group yet; empty: it does
  std::optional<atl::keep::keeper_report> keeper{}; ///< of the leading master; none otherwise
  atl::keep::keeper_settings upkeep{};              ///< that hold now
  /// Under way, as the leading master sees them.
  std::vector<protocol::conversion_view> conversions{};
  /// Of the master's control port since its start.
  atl::net::gatekeeper_counters connections{};
  /// Why plugins of policies can't be used here, by policy; null: not known.
  const std::map<policy_id, std::string>* policy_problems = nullptr;
  std::string shortage{}; ///< why no chunk of full size can be stored; empty: it can
  /// The policy of the root, and what the configuration says; null: not known.
  const responses::effective_policy* root_policy = nullptr;
  const dfs::policy* configured_policy = nullptr;
};

/// The settings that should be equal in all masters' files, by key. Of the consensus plugin only a
/// part must agree, and masters in which that part differs turn each other away.
std::map<std::string, std::string> describe_configuration(const master_policy& policy);

/// As JSON; docs/OPERATING.md describes the fields.
std::string describe_status(const status_view& view);

} // namespace dfs
