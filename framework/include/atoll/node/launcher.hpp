#pragma once

#include <atoll/core/error.hpp>
#include <atoll/node/node_files.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

/// Starts and stops all nodes of a configs folder on this machine. The functions print what they
/// do, a line for each node.
namespace atl::node {

/// How an application's nodes are started.
struct launch_settings {
  std::string command;           ///< the operator's program: `dfs`
  std::filesystem::path program; ///< of a node: the path of `dfsd`
  node_file_format format;
  /// Checks the cluster's file of a folder, before any node is started.
  std::function<status(const std::filesystem::path& folder)> check;
  /// Begins to watch the cluster of a folder. The function that it returns says why the cluster
  /// isn't ready yet; nothing when it is.
  std::function<result<std::function<std::string()>>(const std::filesystem::path& folder,
                                                     const std::vector<local_node>& nodes)>
      watch;
  /// Said when the cluster is ready. Gets the folder, absolute.
  std::function<std::string(const std::filesystem::path& folder)> ready_message;
};

/// Starts the nodes that don't run yet, and waits until the cluster is ready. A new cluster's group
/// is founded, and gets a secret.
/// @returns what is wrong: a node that ended, with the last lines of its log; what the cluster
/// still lacks after `timeout`; which nodes run then.
status up(const launch_settings& settings, const std::string& folder, std::chrono::seconds timeout);

/// Stops all nodes that were started with a file of the folder, and kills those that haven't
/// stopped after `timeout`.
/// @returns errc::not_found if there is nothing to stop; the last failure if some could not be
/// stopped.
status down(const launch_settings& settings, const std::string& folder,
            std::chrono::seconds timeout);

} // namespace atl::node
