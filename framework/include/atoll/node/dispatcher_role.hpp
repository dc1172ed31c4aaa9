#pragma once

#include <atoll/node/dispatcher_section.hpp>
#include <atoll/node/node_context.hpp>
#include <atoll/node/role.hpp>
#include <atoll/runtime/dispatcher.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace atl::node {

/// A role whose requests a dispatcher hands to workers: actors of the node, or roles of other
/// nodes. Whoever sends the role an `envelope` gets the answer of a worker. The application lists
/// `section.plugin()` among its plugins.
class dispatcher_role : public role {
 public:
  /// @param name of the role, and of its dispatcher
  dispatcher_role(std::string name, dispatcher_section section);

  std::string_view name() const final { return name_; }
  std::vector<key_spec> keys() const override { return dispatcher_keys(section_); }
  status check(const config& config) const override;
  status start(node_context& node) final;
  void stop() final;
  /// While it serves, `describe` of the dispatcher.
  role_health health() const final;
  void metrics(metric_set& into) const final;

 protected:
  /// Starts what the workers need. @returns the first workers; `set_workers` replaces them later
  virtual result<std::vector<runtime::dispatcher_worker>> start_workers(node_context& node) = 0;
  /// Ends what `start_workers` started, also if that failed. The dispatcher has ended before.
  virtual void stop_workers() {}

  /// Between the start and the stop. Thread-safe.
  void set_workers(std::vector<runtime::dispatcher_worker> workers);

 private:
  const std::string name_;
  const dispatcher_section section_;
  mutable std::mutex mutex_; ///< guards `pool_`: any thread may ask for the health
  std::unique_ptr<runtime::dispatcher> pool_;
};

} // namespace atl::node
