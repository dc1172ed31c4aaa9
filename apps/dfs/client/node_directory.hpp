#pragma once

#include "common/master_protocol.hpp"
#include "common/types.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

namespace dfs {

/// The storage nodes that the masters know, as they were at one time.
class node_directory {
 public:
  node_directory() = default;
  /// @param former nodes that are missing in the views stay as they were: a master that has just
  /// started doesn't know all of them yet
  node_directory(const node_directory& former, std::vector<protocol::storage_view> views);

  /// Null: the masters haven't heard of the node.
  const protocol::storage_view* find(storage_id node) const;
  bool knows_any(std::span<const storage_id> nodes) const;
  /// Is there a healthy node for which `is_excluded` is false?
  bool has_healthy(const std::function<bool(storage_id)>& is_excluded) const;
  std::vector<protocol::storage_view> views() const;
  /// Is there a node that the masters call down?
  bool has_unhealthy() const { return has_unhealthy_; }
  /// Grows with each directory that replaces another one.
  std::uint64_t generation() const { return generation_; }

 private:
  std::map<storage_id, protocol::storage_view> nodes_;
  std::uint64_t generation_ = 0;
  bool has_unhealthy_ = false;
};

} // namespace dfs
