#pragma once

#include "master/chunk_survey.hpp"
#include "master/placement_service.hpp"
#include "master/registry.hpp"

#include <atoll/core/metrics.hpp>

namespace dfs {

/// Adds what a master knows of the storage nodes: `dfs_cluster_…`.
void add_metrics(const storage_registry& storages, steady_time now, atl::metric_set& into);
/// Adds how many chunks are short of copies, of a finished count: `dfs_cluster_…`.
void add_metrics(const chunk_survey& survey, atl::metric_set& into);

} // namespace dfs
