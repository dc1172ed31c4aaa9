#pragma once

#include "common/types.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <vector>

namespace dfs {

/// Storage nodes that failed a write of this client a short time ago. The masters take some seconds
/// to notice that a node is silent; until then they choose it for new chunks. Thread-safe.
class suspect_nodes {
 public:
  using clock = std::chrono::steady_clock;

  /// How long a node is avoided after a failure.
  static constexpr std::chrono::seconds lifetime{5};

  void add(storage_id node, clock::time_point now);
  /// The node accepted data.
  void remove(storage_id node);
  /// The node that failed last comes first.
  std::vector<storage_id> list(clock::time_point now);

 private:
  std::mutex mutex_;
  std::map<storage_id, clock::time_point> until_;
};

} // namespace dfs
