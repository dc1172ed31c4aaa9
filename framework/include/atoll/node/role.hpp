#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/guarded_run.hpp>
#include <atoll/core/metrics.hpp>
#include <atoll/core/toml_config.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace atl::node {

class node_context;
class plugin_host;

/// Whether a role does its work.
struct role_health {
  enum class state {
    waits, ///< for something that may still come: other nodes, an operator
    serves,
    failed, ///< for good, until the node is started again
  };
  state now = state::waits;
  /// For people: why it doesn't serve; while it serves, what it is working on, or nothing.
  std::string reason;
};

/// One thing that a node does: an application registers its roles, and an operator turns them on in
/// `node.roles`.
///
/// The node calls `start` and `stop` in its main thread, in turn: each once, unless the role fails
/// and `starts_again`. It calls the other functions in
/// any thread and in any order.
class role {
 public:
  role() = default;
  role(const role&) = delete;
  role& operator=(const role&) = delete;
  virtual ~role() = default;

  /// As written in `node.roles`: `master`.
  virtual std::string_view name() const = 0;

  /// Can `node.data` be a list, of a folder on each disk? The role then uses `node_folder::disks`.
  virtual bool uses_several_disks() const { return false; }

  /// The keys that the role has in a node's file, beside those of each node. Two roles may share a
  /// key.
  virtual std::vector<key_spec> keys() const { return {}; }

  /// Checks what the schema can't, also for `--check`.
  /// @returns an error that names all mistakes, a line each.
  virtual status check(const config&) const { return {}; }
  /// Creates what the role's plugins create at a start, as far as that takes no data; only
  /// `--check` calls it. @param announce is called before any code of a library runs.
  virtual status try_plugins(const config&, const plugin_host&, const announce_step&) const {
    return {};
  }

  /// Begins to serve. What the role needs is in `node`, which lives until `stop` has returned. An
  /// exception counts as an error.
  /// @returns why the role can't serve; the node does not start then.
  virtual status start(node_context& node) = 0;

  /// Ends the role: refuses new requests, finishes the writes that are under way, and waits until
  /// its actors have ended. Also called when `start` returned an error, and when an actor of the
  /// role ended unasked.
  virtual void stop() = 0;

  /// After a failure, before `stop`: should the node start the role again? Then the role has
  /// written down what it will do about the failure.
  virtual bool starts_again() const { return false; }

  virtual role_health health() const = 0;
  /// Adds what the role measures, for `dfs admin metrics` and for monitoring; the node adds the
  /// label `role`. Must not block: the thread of all connections calls it.
  virtual void metrics(metric_set&) const {}
};

} // namespace atl::node
