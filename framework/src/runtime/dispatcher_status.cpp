#include <atoll/core/pool_metrics.hpp>
#include <atoll/runtime/dispatcher_messages.hpp>

#include <fmt/format.h>

// How a dispatcher is: for people, and for monitoring.
namespace atl::runtime {

namespace {

double seconds(std::chrono::microseconds time) {
  return std::chrono::duration<double>{time}.count();
}

void add_load(const dispatch_load& load, const metric_labels& of, metric_set& into) {
  auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    into.gauge(fmt::format("atoll_dispatcher_{}", name), help, static_cast<double>(value), of);
  };
  gauge("workers_full", "Available workers without a free place, or that refused just now.",
        load.full);
  gauge("under_way", "Requests that were accepted and are not completed.", load.requests);
  gauge("in_flight", "Attempts at workers, those that were given up included.", load.in_flight);
  gauge("queued", "Requests that wait for a free place.", load.queued);
  gauge("queued_bytes", "Bytes of the requests that wait.", load.queued_bytes);
  gauge("budget_left", "Retries and hedges that may be made at once.", load.budget_left);
}

void add_counters(const dispatch_counters& count, const metric_labels& of, metric_set& into) {
  auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    into.counter(fmt::format("atoll_dispatcher_{}_total", name), help, static_cast<double>(value),
                 of);
  };
  counter("requests", "Requests that arrived.", count.requests);
  counter("answered", "Requests that a worker answered.", count.answered);
  counter("failed", "Requests that ended with an error of any kind.", count.failed);
  counter("timed_out", "Failed requests whose deadline had passed.", count.timed_out);
  counter("rejected", "Failed requests that the queue had no room for.", count.rejected);
  counter("cancelled", "Requests that their requesters gave up.", count.cancelled);
  counter("attempts", "Requests sent to a worker, repeated ones included.", count.attempts);
  counter("retries", "Requests sent again after a failure.", count.retries);
  counter("hedges", "Requests sent to a second worker while the first one worked.", count.hedges);
  counter("hedges_won", "Hedges that were answered first.", count.hedges_won);
  counter("budget_denied", "Retries and hedges that the budget did not allow.",
          count.budget_denied);
  counter("late_answers", "Answers to attempts that had been given up.", count.late_answers);
}

} // namespace

std::string describe(const dispatcher_status& status) {
  auto& load = status.load;
  auto& count = status.counters;
  auto text = fmt::format("{} ({}): {} of {} workers available", status.name, status.balancer,
                          load.available, load.workers);
  if (load.ejected > 0)
    text += fmt::format(", {} ejected", load.ejected);
  if (load.full > 0)
    text += fmt::format(", {} full", load.full);
  text += fmt::format("; {} requests under way, {} of them queued; {} answered, {} failed",
                      load.requests, load.queued, count.answered, count.failed);
  if (count.failed > 0)
    text += fmt::format(" ({} at their deadline, {} rejected)", count.timed_out, count.rejected);
  text += fmt::format(", {} retries, {} hedges", count.retries, count.hedges);
  if (load.p50.count() > 0)
    text += fmt::format("; p50 {} us, p99 {} us", load.p50.count(), load.p99.count());
  if (status.turned_away > 0)
    text += fmt::format("; {} turned away on arrival", status.turned_away);
  if (status.plugin_errors > 0)
    text += fmt::format("; {} errors of the balancer", status.plugin_errors);
  return text;
}

void add_metrics(const dispatcher_status& status, metric_set& into) {
  metric_labels of{{"dispatcher", status.name}};
  auto& load = status.load;
  auto& count = status.counters;
  add_metrics(pool_figures{status.name, status.balancer, status.plugin_errors, load.workers,
                           load.available, load.ejected},
              into);
  add_load(load, of, into);
  add_counters(count, of, into);
  into.counter("atoll_dispatcher_turned_away_total",
               "Requests refused, and not counted otherwise, because too many had arrived.",
               static_cast<double>(status.turned_away), of);
  into.summary("atoll_dispatcher_latency_seconds",
               "Times of the attempts whose answers counted; quantiles of the recent ones, 0: not "
               "known.",
               {{0.5, seconds(load.p50)}, {0.99, seconds(load.p99)}}, seconds(count.latency),
               static_cast<double>(count.answered), of);
  for (auto& it : status.workers)
    add_worker_metrics(status.name, it.name, it.load, into);
}

} // namespace atl::runtime
