#pragma once

#include "common/master_protocol.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace dfs {

using steady_time = std::chrono::steady_clock::time_point;

/// A master's knowledge about the storage nodes: which are up, and how full they are. It comes from
/// the nodes' reports alone, and is rebuilt after a restart. Which fragments they have is known to
/// them alone; the keeper asks for parts of that (`atl::keep::auditor`). Not thread-safe.
class storage_registry {
 public:
  /// A process that another one of the same node seems to have replaced.
  struct former_process {
    std::uint64_t incarnation = 0;
    bool was_alive = false;  ///< when the other one was first heard
    std::uint32_t heard = 0; ///< reports since then
  };

  struct node {
    protocol::storage_heartbeat last;            ///< without what it says of fragments
    storage_id id = no_storage;                  ///< 0: not registered yet
    storage_state state = storage_state::active; ///< as the leading master knows it
    steady_time seen{};
    std::optional<former_process> former{};
    std::uint64_t copy = 0; ///< incarnation of a process that is kept out; 0: none
  };

  /// Which process of a node has sent a report.
  enum class sender : std::uint8_t {
    current,  ///< the node's process, which may have begun just now
    doubtful, ///< one that seemed to be replaced: two may run at once
    copy,     ///< a second one, on a copy of the data folder: it is to be kept out
  };

  explicit storage_registry(std::chrono::milliseconds failure_timeout)
      : failure_timeout_{failure_timeout} {}

  /// To be called for each report, before `update`. Of two processes that run at once the one that
  /// was heard first is the node's, unless it was silent for longer than the failure timeout when
  /// the other one began.
  sender judge_sender(const protocol::storage_heartbeat& report, steady_time now);

  /// Applies a report of a node's current process. @returns the node that sent it.
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
