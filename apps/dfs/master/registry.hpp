#pragma once

#include "common/master_protocol.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace dfs {

using steady_time = std::chrono::steady_clock::time_point;

/// A master's knowledge about the storage nodes: which are up, and how full they are. It comes from
/// the nodes' reports alone, and is rebuilt after a restart. Which fragments they have is known to
/// them alone; the keeper asks for parts of that (`atl::keep::auditor`). Not thread-safe.
class storage_registry {
 public:
  struct node {
    protocol::storage_heartbeat last;            ///< without what it says of fragments
    storage_id id = no_storage;                  ///< 0: not registered yet
    storage_state state = storage_state::active; ///< as the leading master knows it
    steady_time seen{};
  };

  explicit storage_registry(std::chrono::milliseconds failure_timeout)
      : failure_timeout_{failure_timeout} {}

  /// Applies a report. @returns the node that sent it.
  node& update(const protocol::storage_heartbeat& report, steady_time now);

  node* find(const std::string& name);
  const node* find(storage_id id) const;
  const std::map<std::string, node>& nodes() const { return nodes_; }

  /// Has the node an id, and does it report that its data belongs to this group? Until then it must
  /// get no data, because a master of another group might reach it first and command it.
  static bool has_joined(const node& which);
  /// Does the node report, has it joined, and does it take data? One that is drained doesn't.
  bool healthy(const node& which, steady_time now) const;
  bool alive(const node& which, steady_time now) const;

 private:
  std::chrono::milliseconds failure_timeout_;
  std::map<std::string, node> nodes_;
};

} // namespace dfs
