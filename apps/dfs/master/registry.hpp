#pragma once

#include "common/master_protocol.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace dfs {

using steady_time = std::chrono::steady_clock::time_point;

/// A master's knowledge about the storage nodes: which are up, how full they are, and which
/// fragments they have. It comes from the nodes' reports alone, and is rebuilt after a restart. Not
/// thread-safe.
class storage_registry {
 public:
  /// A fragment at a node. Its order, and whether two are equal, leaves the generation out.
  struct fragment {
    chunk_id chunk;
    std::uint32_t index = 0;
    std::uint64_t generation = 0; ///< as in `protocol::fragment_change`

    friend auto operator<=>(const fragment& a, const fragment& b) {
      return std::tie(a.chunk, a.index) <=> std::tie(b.chunk, b.index);
    }
    friend bool operator==(const fragment& a, const fragment& b) {
      return std::tie(a.chunk, a.index) == std::tie(b.chunk, b.index);
    }
  };

  struct node {
    protocol::storage_heartbeat last; ///< without its changes
    storage_id id = no_storage;       ///< 0: not registered yet
    steady_time seen{};
    bool listing = false;          ///< a list of its fragments has begun
    bool complete = false;         ///< `has` contains all its fragments
    std::uint64_t told = 0;        ///< changes since the list began
    std::uint64_t told_digest = 0; ///< of these
    std::set<fragment> has;
    fragment examined{};       ///< where the last search for garbage stopped
    std::uint64_t reports = 0; ///< reports from a node of this name
  };

  explicit storage_registry(std::chrono::milliseconds failure_timeout)
      : failure_timeout_{failure_timeout} {}

  /// Applies a report. A list of which a part is missing is void, and must be asked for again.
  /// @returns the node that sent it.
  node& update(const protocol::storage_heartbeat& report, steady_time now);

  node* find(const std::string& name);
  const node* find(storage_id id) const;
  const std::map<std::string, node>& nodes() const { return nodes_; }
  /// The number of reports that changed the known fragments.
  std::uint64_t changes() const { return changes_; }

  /// Has the node an id, and does it report that its data belongs to this group? Until then it must
  /// get no data, because a master of another group might reach it first and command it.
  static bool has_joined(const node& which);
  /// Does the node report, has it joined, and does it take data?
  bool healthy(const node& which, steady_time now) const;
  bool alive(const node& which, steady_time now) const;

  /// Up to `limit` fragments on a node that were made before `gc_watermark_us`, in cyclic order.
  std::vector<fragment> next_to_look_up(node& which, std::uint64_t gc_watermark_us,
                                        std::size_t limit);

 private:
  std::chrono::milliseconds failure_timeout_;
  std::map<std::string, node> nodes_;
  std::uint64_t changes_ = 0;
};

} // namespace dfs
