#pragma once

#include "settings/plugins.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/identity.hpp>

#include <functional>
#include <memory>

namespace dfs {

/// A running node with all its configured roles. Not thread-safe.
class node {
 public:
  struct parts {
    cluster_settings cluster;
    node_settings self;
    loaded_plugins plugins;
    /// An operator's order: a master that belongs to no group may found one at once.
    bool found_group = false;
    /// An operator's order: moves the content of the data folder aside, so that the node starts
    /// empty.
    bool new_disk = false;
    /// Called once, from any thread, when the node can't continue.
    std::function<void(const atl::error&)> failed;
  };

  /// Locks the data folder, recovers the state on disk, and begins to serve.
  static atl::result<std::unique_ptr<node>> start(parts given);

  node(const node&) = delete;
  node& operator=(const node&) = delete;
  /// Stops: refuses new requests, and finishes the writes that are under way.
  ~node();

 private:
  struct implementation;
  explicit node(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

} // namespace dfs
