#pragma once

#include "failure_queue.hpp"
#include "loaded_config.hpp"

#include <atoll/node/application.hpp>
#include <atoll/node/node_context.hpp>
#include <atoll/runtime/system.hpp>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string_view>

namespace atl::node {

/// A node with the roles that its file turns on. Not thread-safe.
class running_node {
 public:
  struct parts {
    loaded_config all;
    plugin_host plugins;
    start_orders orders;
    std::uint64_t open_files_max = 0;
    /// Called from any thread when a role can't continue.
    std::function<void(std::string_view role, const error&)> failed;
  };

  /// Locks the data folder, and starts the roles in the order in which the application registers
  /// them.
  static result<std::unique_ptr<running_node>> start(parts given, const application& application);

  running_node(const running_node&) = delete;
  running_node& operator=(const running_node&) = delete;
  /// Stops all roles, in the reverse order.
  ~running_node();

  bool runs(std::string_view role) const;
  /// Stops a role that failed, and shows the reason in the node's status. @returns whether another
  /// role still runs.
  bool take_down(std::string_view role, const error& why);
  /// Stops a role that failed, if the role `starts_again`. @returns the role; null: it doesn't, and
  /// nothing has changed
  std::shared_ptr<role> stop_for_another_start(std::string_view role);
  /// Starts a role that `stop_for_another_start` has stopped.
  status start_again(const std::shared_ptr<role>& what);

 private:
  struct started_role {
    std::shared_ptr<role> what;
    node_context context;
    /// False once the role was stopped: what its actors report then is no failure of the role as it
    /// runs now.
    std::shared_ptr<std::atomic<bool>> counts;
  };

  explicit running_node(parts given);
  status lock_folder(const application& application);
  status lock_disks(const application& application,
                    const std::vector<std::filesystem::path>& folders, const data_owner& owner);
  void start_endpoint();
  status set_address(const endpoint& address, const endpoint& listen);
  status publish();
  status start_roles(const application& application);
  status start_role(const std::shared_ptr<role>& what);
  void stop_role(started_role& running);

  parts given_;
  std::optional<node_folder> folder_;
  runtime::system actors_;
  std::shared_ptr<runtime::node_description> description_;
  std::shared_ptr<runtime::peer_connections> connections_;
  caf::actor endpoint_;
  struct node_address {
    endpoint reachable; ///< by other nodes
    endpoint listen;
  };
  std::optional<node_address> address_; ///< none: no role has named one
  std::list<started_role> roles_;       ///< a list: roles keep a reference to their context
};

} // namespace atl::node
