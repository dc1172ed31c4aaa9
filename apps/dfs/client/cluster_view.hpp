#pragma once

#include "client/cluster_plugins.hpp"
#include "client/master_calls.hpp"
#include "client/node_directory.hpp"
#include "client/policies.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <memory>

namespace dfs {

/// What the masters last said of the cluster. Thread-safe; what it returns never changes.
class cluster_view {
 public:
  using plugins_pointer = std::shared_ptr<const cluster_plugins>;
  using plugin_loader = std::function<atl::result<plugins_pointer>(protocol::cluster_info)>;

  /// Asks the masters, and loads the plugins that they name.
  static atl::result<std::unique_ptr<cluster_view>> open(const cluster_settings& cluster,
                                                         const master_calls& masters);
  /// @param load makes plugins of what the masters say
  cluster_view(const cluster_settings& cluster, master_calls masters, plugin_loader load,
               dfs::policies::scheme_finder find_scheme, plugins_pointer plugins,
               node_directory nodes);
  ~cluster_view();

  /// Asks the masters again, and waits for the answer.
  atl::status refresh();
  /// Asks the masters again, unless they were asked less than a second ago. Doesn't wait.
  void refresh_soon();
  /// An answer of the masters came under settings of this version: asks for them if they are not
  /// those that are known.
  atl::status note_version(std::uint64_t settings_version);

  /// The settings and plugins that transfers begin with now. Errors: those of loading plugins,
  /// after the masters have named others.
  atl::result<plugins_pointer> plugins();
  std::shared_ptr<const node_directory> nodes() const;
  dfs::policies& policies() { return policies_; }
  const master_calls& masters() const { return masters_; }
  const cluster_settings& settings() const { return cluster_; }

 private:
  struct state;

  const cluster_settings& cluster_;
  const master_calls masters_;
  dfs::policies policies_;
  const plugin_loader load_;
  const std::shared_ptr<state> state_; ///< also held by answers that are under way
};

} // namespace dfs
