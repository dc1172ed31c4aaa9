#pragma once

#include "common/scrub_protocol.hpp"

#include <vector>

namespace dfs {

/// The scrub of a storage node: reads again what the node stores. Thread-safe.
class scrub_service {
 public:
  scrub_service() = default;
  scrub_service(const scrub_service&) = delete;
  scrub_service& operator=(const scrub_service&) = delete;
  virtual ~scrub_service() = default;

  /// Begins the pass that a client orders, unless the run is known already.
  virtual protocol::scrub_state order(const protocol::scrub_request& request) = 0;
  virtual protocol::scrub_status status() const = 0;
  /// The status of each disk, of a node that has several; otherwise none.
  virtual std::vector<protocol::scrub_status> disks() const { return {}; }
};

} // namespace dfs
