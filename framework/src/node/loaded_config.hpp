#pragma once

#include <atoll/core/guarded_run.hpp>
#include <atoll/node/application.hpp>
#include <atoll/node/cluster_config.hpp>
#include <atoll/node/node_config.hpp>
#include <atoll/node/plugin_host.hpp>

#include <string>

namespace atl::node {

/// A node's file, checked.
struct loaded_config {
  atl::config config;
  cluster_config cluster;
  node_config self;
};

/// @returns an error that names the mistakes, a line each: of the schema, then of cluster and node,
/// then of the application, then of each role. What comes later is checked once the former is
/// right.
result<loaded_config> load_config(const std::string& file, const application& application);

/// Loads the plugins that the configuration chooses, and creates each once.
result<plugin_host> load_plugins(const loaded_config& all, const application& application,
                                 const announce_step& announce);

} // namespace atl::node
