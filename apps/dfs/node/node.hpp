#pragma once

#include "settings/plugins.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/identity.hpp>

#include <functional>
#include <memory>

namespace dfs {

/// One running node, in all the roles it was given.
class node {
 public:
  struct parts {
    cluster_settings cluster;
    node_settings self;
    loaded_plugins plugins;
    /// An operator's order: a master that belongs to no group may found one at once.
    bool found_group = false;
    /// An operator's word: what the data folder holds is put aside, and the node starts empty.
    bool new_disk = false;
    /// Called once, from any thread, when the node can't go on.
    std::function<void(const atl::error&)> failed;
  };

  /// Takes the data folder, recovers what is on disk, and begins to serve.
  static atl::result<std::unique_ptr<node>> start(parts given);

  node(const node&) = delete;
  node& operator=(const node&) = delete;
  /// Stops: no new requests, what is under way on disk is finished.
  ~node();

 private:
  struct implementation;
  explicit node(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

} // namespace dfs
