#pragma once

#include "client/control.hpp"

#include <atoll/node/group_overview.hpp>

#include <nlohmann/json.hpp>

namespace dfs::cli {

/// The status of a cluster.
struct cluster_status {
  /// As the leading master reports it, or another master that answers; docs/OPERATING.md describes
  /// the fields.
  nlohmann::json view;
  atl::node::group_overview masters;
};

/// @returns errc::unavailable if no master answers.
atl::result<cluster_status> gather_status(control& masters);

/// What `dfs --json status` writes: the view, the masters in it, and the cluster's health.
nlohmann::json to_json(const cluster_status& status);

} // namespace dfs::cli
