#pragma once

#include "common/master_protocol.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>
#include <atoll/spi/balancer.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs {

using steady_time = std::chrono::steady_clock::time_point;

/// What one master knows of the storage nodes: who is there, how full, and which fragments they
/// have. All of it comes from their reports, and is gathered anew after a restart.
class storage_registry {
 public:
  using fragment = std::pair<chunk_id, std::uint32_t>;

  struct node {
    protocol::storage_heartbeat last; ///< without its changes
    storage_id id = no_storage;       ///< 0: not registered yet
    steady_time seen{};
    bool listing = false;  ///< a list of its fragments has begun
    bool complete = false; ///< its fragments are known: `has` is all of them
    std::set<fragment> has;
    fragment examined{};       ///< how far the last search for garbage came
    std::uint64_t reports = 0; ///< that came from a node of this name
  };

  explicit storage_registry(std::chrono::milliseconds failure_timeout)
      : failure_timeout_{failure_timeout} {}

  /// Takes a report in. @returns the node, for its orders.
  node& update(const protocol::storage_heartbeat& report, steady_time now);

  node* find(const std::string& name);
  const node* find(storage_id id) const;
  const std::map<std::string, node>& nodes() const { return nodes_; }
  /// How many reports changed what is known of the nodes' fragments.
  std::uint64_t changes() const { return changes_; }

  /// It has an id, and says that its data belongs to the group. Before that it must get no data: it
  /// would follow the commands of a master of another group that reached it first.
  static bool has_joined(const node& which);
  /// Reports come, it has joined, and it takes data.
  bool healthy(const node& which, steady_time now) const;
  bool alive(const node& which, steady_time now) const;

  /// The registered nodes, for a balancer. @param avoid shown as unhealthy.
  /// @param needed_bytes nodes with less free space are shown as unhealthy.
  std::vector<atl::spi::candidate> candidates(const std::vector<storage_id>& avoid,
                                              std::uint64_t needed_bytes, steady_time now) const;

  /// Up to `limit` fragments on a node made before `gc_watermark_us`, going round and round.
  std::vector<fragment> next_to_look_up(node& which, std::uint64_t gc_watermark_us,
                                        std::size_t limit);

 private:
  std::chrono::milliseconds failure_timeout_;
  std::map<std::string, node> nodes_;
  std::uint64_t changes_ = 0;
};

} // namespace dfs
