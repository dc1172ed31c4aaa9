#pragma once

#include <atoll/core/error.hpp>
#include <atoll/node/node_files.hpp>

#include <filesystem>
#include <vector>

/// The cluster's secret in a configs folder.
namespace atl::node {

/// Makes the secret in a new folder. Errors: exists; no_space; io.
status make_secret(const std::filesystem::path& folder);

/// Makes the secret where a folder has none, before any of its nodes is started. While a node runs,
/// none is made: that node was started without one, and would refuse the others.
/// @param nodes all nodes of the folder
/// @returns why the nodes have to do without a secret although none of them runs.
/// @pre the caller holds the folder's `run_lock`
status make_missing_secret(const std::filesystem::path& folder,
                           const std::vector<local_node>& nodes);

} // namespace atl::node
