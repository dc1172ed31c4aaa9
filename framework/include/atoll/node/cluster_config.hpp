#pragma once

#include <atoll/core/toml_config.hpp>
#include <atoll/net/cluster_secret.hpp>
#include <atoll/node/config_errors.hpp>
#include <atoll/runtime/node_info.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace atl::node {

/// The name of the secret's file, beside the cluster's file, unless `cluster.secret_file` names
/// another file.
inline constexpr std::string_view secret_file_name = "cluster.secret";

/// The settings that all nodes and clients of a cluster share, whatever its application is.
struct cluster_config {
  std::string name;
  net::cluster_secret secret;        ///< empty: the cluster has none
  std::filesystem::path secret_file; ///< the secret's file, even if it doesn't exist; absolute
  std::vector<std::filesystem::path> plugin_path; ///< empty: that of the installed plugins
  runtime::connection_settings links;
  std::chrono::microseconds client_timeout{0};         ///< total time of one call of a group
  std::chrono::microseconds client_refusal_timeout{0}; ///< the same with replicas that refuse
};

/// `cluster.*`, `plugins.path`, `links.*`, and the timeouts of clients.
std::vector<key_spec> cluster_keys();

/// Also loads the cluster's secret: a file that `cluster.secret_file` names must exist; the default
/// file may be missing, and then there is no secret. A file that exists and can't be used is an
/// error.
cluster_config read_cluster_config(const config& config, config_errors& problems);

} // namespace atl::node
