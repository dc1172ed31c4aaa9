#include <atoll/core/pool_metrics.hpp>

#include <fmt/format.h>

namespace atl {

void add_metrics(const pool_figures& pool, metric_set& into) {
  metric_labels of{{"dispatcher", pool.name}};
  auto gauge = [&](std::string_view name, std::string_view help, std::size_t value) {
    into.gauge(fmt::format("atoll_dispatcher_{}", name), help, static_cast<double>(value), of);
  };
  into.gauge("atoll_dispatcher_info", "Always 1; the label says which balancer picks the workers.",
             1, {of[0], {"balancer", pool.balancer}});
  gauge("workers", "Workers of the pool.", pool.workers);
  gauge("workers_available", "Workers that take requests, ejected ones included.", pool.available);
  gauge("workers_ejected", "Workers taken out for a while, because they failed.", pool.ejected);
  into.counter("atoll_dispatcher_plugin_errors_total", "Errors of the balancer.",
               static_cast<double>(pool.plugin_errors), of);
}

void add_worker_metrics(std::string_view pool, std::string_view worker, const worker_load& load,
                        metric_set& into) {
  metric_labels of{{"dispatcher", std::string{pool}},
                   {"worker", std::string{worker}},
                   {"worker_id", std::to_string(load.id)}};
  auto gauge = [&](std::string_view name, std::string_view help, double value) {
    into.gauge(fmt::format("atoll_dispatcher_worker_{}", name),
               fmt::format("{}; of the {} workers with the lowest ids alone.", help,
                           pool_workers_shown_max),
               value, of);
  };
  gauge("available", "Whether the worker takes requests: 1 or 0", load.available);
  gauge("ejected", "Whether the worker is taken out because it failed: 1 or 0", load.ejected);
  gauge("in_flight", "Attempts at the worker, those that were given up included", load.in_flight);
  gauge("latency_seconds", "Moving average of the worker's successful attempts; 0: not known",
        load.latency_us / 1e6);
}

} // namespace atl
