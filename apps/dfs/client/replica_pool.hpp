#pragma once

#include "common/master_protocol.hpp"
#include "common/types.hpp"

#include <atoll/core/balanced_pool.hpp>
#include <atoll/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dfs {

/// The storage nodes of a cluster as the members of a balanced pool, from which reads choose their
/// replica. The masters' list gives failure domain, weight, capacity, free space and availability;
/// this client's reads give the requests in flight and the latency; probes give the load that other
/// clients cause. Not thread-safe.
class replica_pool {
 public:
  /// @param zone the client's failure domain, whose nodes are preferred; empty: none is
  replica_pool(std::shared_ptr<atl::spi::balancer> balancer, std::string name, std::string zone,
               std::uint64_t seed);

  /// The masters' present list. Errors: internal if the balancer failed; the message names it.
  atl::status update(const std::vector<protocol::storage_view>& nodes);

  /// In which order to read the fragments of a chunk: by index into `nodes`, which are the nodes of
  /// its fragments. Known nodes that the balancer leaves out come last, because the report that
  /// they are down may be old; a node that isn't known, or `no_storage`, is left out.
  atl::result<std::vector<std::uint32_t>> order(std::uint64_t key,
                                                std::span<const storage_id> nodes);

  void begin(storage_id node) { pool_.begin(node); }
  /// A node that failed is tried last from now on, until the masters say that it is up.
  void finish(storage_id node, bool ok, std::chrono::microseconds latency);
  void cancel(storage_id node) { pool_.cancel(node); }

  std::vector<storage_id> wanted_probes();
  void on_probe(storage_id node, const atl::spi::probe_result& result);

 private:
  atl::balanced_pool pool_;
};

} // namespace dfs
