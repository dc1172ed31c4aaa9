#pragma once

#include <atoll/core/metrics.hpp>

#include <nlohmann/json.hpp>

namespace atl::node {

/// All families with their samples.
nlohmann::json metrics_as_json(const metric_set& metrics);

/// The dispatchers of a node, each an object: its name, role and balancer, its numbers by their
/// names without `atoll_dispatcher_` and `_total`, and `worker_list`, an object for each worker.
nlohmann::json dispatchers_as_json(const metric_set& metrics);

} // namespace atl::node
