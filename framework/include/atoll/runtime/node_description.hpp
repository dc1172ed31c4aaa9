#pragma once

#include <atoll/core/metrics.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/node_status.hpp>
#include <atoll/runtime/shared_mark.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace atl::runtime {

/// What this node says about itself: written by its roles, read by its endpoint and its
/// connections. Thread-safe.
class node_description {
 public:
  /// Describes the health of a role. Called by the endpoint's thread, so it must not block.
  using status_source = std::function<role_status()>;
  /// Adds the metrics of a role. Called like a `status_source`.
  using metric_source = std::function<void(metric_set& into)>;

  explicit node_description(node_info self);

  node_info info() const;
  /// Counts the changes of what `info` returns. A connection introduces the node again after one.
  std::uint64_t version() const;
  /// Has any role a replica?
  bool has_replica() const;

  void set_address(std::string address);
  /// Adds the role, or replaces what was said about it.
  /// @param live the present mark of the role's replica, for heartbeats; null: none is sent
  void set_role(role_info role, std::shared_ptr<const shared_mark> live = nullptr);
  /// The node doesn't have the role any more.
  void remove_role(const std::string& role);
  /// The present marks of all replicas.
  std::vector<role_mark> marks() const;

  /// @param source null: none. The source isn't called any more once the call returns.
  void set_status(const std::string& role, status_source source);
  /// The same for the role's metrics. @param role empty: the node's own
  void set_metrics(const std::string& role, metric_source source);
  /// For each role what its source says, also for one that was removed; a role without a source
  /// serves if it has no replica, or a replica in a group.
  node_status status() const;
  /// Whether each role serves, and what the roles add, with the label `role`.
  metric_set metrics() const;

  void set_inventory(std::vector<plugin_entry> plugins);
  std::vector<plugin_entry> inventory() const;

 private:
  mutable std::mutex mutex_;
  node_info info_;
  std::uint64_t version_ = 1;
  std::map<std::string, std::shared_ptr<const shared_mark>> live_; ///< by role
  std::vector<plugin_entry> plugins_;
  mutable std::mutex status_mutex_; ///< held while a source is called
  std::map<std::string, status_source> sources_;
  std::map<std::string, metric_source> metric_sources_;
};

} // namespace atl::runtime
