#pragma once

#include "client/cluster_plugins.hpp"
#include "client/master_calls.hpp"
#include "client/node_directory.hpp"
#include "client/policies.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>

#include <memory>
#include <mutex>

namespace dfs {

/// What the masters last said of the cluster. Thread-safe; what it returns never changes.
class cluster_view {
 public:
  /// Asks the masters, and loads the plugins that they name.
  static atl::result<std::unique_ptr<cluster_view>> open(const cluster_settings& cluster,
                                                         const master_calls& masters);
  cluster_view(const cluster_settings& cluster, master_calls masters,
               std::shared_ptr<const cluster_plugins> plugins, node_directory nodes);

  /// Asks the masters again.
  atl::status refresh();

  std::shared_ptr<const cluster_plugins> plugins() const;
  std::shared_ptr<const node_directory> nodes() const;
  dfs::policies& policies() { return policies_; }
  const master_calls& masters() const { return masters_; }
  const cluster_settings& settings() const { return cluster_; }

 private:
  const cluster_settings& cluster_;
  const master_calls masters_;
  dfs::policies policies_;
  mutable std::mutex mutex_; ///< guards what follows
  std::shared_ptr<const cluster_plugins> plugins_;
  std::shared_ptr<const node_directory> nodes_;
};

} // namespace dfs
