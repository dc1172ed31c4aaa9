#include "child_tasks.hpp"
#include "result_bytes.hpp"

#include <atoll/compare/isolated_runs.hpp>

#include <fmt/format.h>

namespace atl::compare {

result<std::vector<strategy_result>> run_isolated(const workload& workload,
                                                  const std::vector<strategy>& strategies,
                                                  std::uint64_t seed, unsigned processes,
                                                  std::chrono::seconds limit) {
  std::vector<child_task> tasks;
  for (auto& each : strategies)
    tasks.push_back({fmt::format("the balancer plugin '{}'", each.plugin), each.label,
                     [&](const std::function<void()>& on_progress) {
                       return to_bytes(run_queueing(workload, each, seed, on_progress));
                     }});
  auto outcomes = run_child_tasks(tasks, processes, limit);
  if (!outcomes)
    return tl::unexpected{outcomes.error()};
  std::vector<strategy_result> results;
  for (auto& bytes : *outcomes) {
    auto outcome = from_bytes(bytes);
    if (!outcome)
      return tl::unexpected{outcome.error()};
    results.push_back(std::move(*outcome));
  }
  return results;
}

} // namespace atl::compare
