#pragma once

#include <atoll/core/dispatch_types.hpp>
#include <atoll/core/metrics.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace atl {

/// How a pool is whose workers a balancer picks: that of a dispatcher, or one that picks alone.
struct pool_figures {
  std::string name;
  std::string balancer;
  std::uint64_t plugin_errors = 0; ///< of the balancer
  std::size_t workers = 0;
  std::size_t available = 0;
  std::size_t ejected = 0;
};
/// Adds `atoll_dispatcher_…` with the pool's name as the label `dispatcher`.
void add_metrics(const pool_figures& pool, metric_set& into);

/// Workers of a pool that are shown one by one: those with the lowest ids.
inline constexpr std::size_t pool_workers_shown_max = 64;
/// Adds `atoll_dispatcher_worker_…`, for one worker of a pool.
void add_worker_metrics(std::string_view pool, std::string_view worker, const worker_load& load,
                        metric_set& into);

} // namespace atl
