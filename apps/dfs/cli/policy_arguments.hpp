#pragma once

#include "common/policy.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>

#include <string>
#include <vector>

namespace dfs::cli {

/// The policy that `dfs policy set` describes: `changes` such as `copies=2`, `durability=fsync` or
/// `placement.start=first`, applied to the policy that holds now. Keys without a dot that no policy
/// has are options of the recovery plugin. Another plugin begins with the defaults of its options.
/// Errors: invalid for an unknown key or an impossible value; not_found for a plugin that isn't
/// installed here; refused by the plugin.
atl::result<policy> change_policy(const cluster_settings& cluster, const policy& now,
                                  const std::vector<std::string>& changes);

/// One line for people: `replicate copies=3 min_copies=0, placed by round_robin start=random, …`.
std::string describe_policy(const cluster_settings& cluster, const policy& what);

} // namespace dfs::cli
