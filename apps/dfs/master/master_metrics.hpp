#pragma once

#include "master/placement_service.hpp"
#include "master/registry.hpp"

#include <atoll/core/metrics.hpp>
#include <atoll/keep/keeper_report.hpp>

namespace dfs {

/// Adds what a master knows of the storage nodes: `dfs_cluster_…`.
void add_metrics(const storage_registry& storages, steady_time now, atl::metric_set& into);
/// Adds how many chunks aren't in order, and what is being done about it: `dfs_cluster_…`,
/// `dfs_repair_…`.
void add_metrics(const atl::keep::keeper_report& keeper, atl::metric_set& into);

} // namespace dfs
