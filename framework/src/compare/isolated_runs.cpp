#include "result_bytes.hpp"

#include <atoll/compare/isolated_runs.hpp>
#include <atoll/core/child_process.hpp>

#include <fmt/format.h>

#include <csignal>
#include <deque>
#include <unistd.h>

namespace atl::compare {

namespace {

/// The child ends itself by SIGALRM unless its simulation goes on.
result<child_process> start(const workload& workload, const strategy& strategy, std::uint64_t seed,
                            std::chrono::seconds limit) {
  return child_process::start([&, limit](int to) {
    ::signal(SIGALRM, SIG_DFL);
    auto go_on = [seconds = static_cast<unsigned>(limit.count())] { ::alarm(seconds); };
    go_on();
    auto outcome = run_queueing(workload, strategy, seed, go_on);
    ::alarm(0); // the other process may take its time to read
    return write_all(to, to_bytes(outcome)) ? 0 : 1;
  });
}

tl::unexpected<error> ended_early(const strategy& strategy, const child_process::ending& how,
                                  std::chrono::seconds limit) {
  auto what = how.signal == SIGALRM
                  ? fmt::format("hangs: its simulation stood still for {} s", limit.count())
              : how.signal != 0 ? fmt::format("crashed (signal {})", signal_name(how.signal))
                                : fmt::format("ended the process (exit code {})", how.code);
  return fail(errc::internal,
              fmt::format("the balancer plugin '{}' {}, as strategy '{}'; choose another plugin, "
                          "or fix this one",
                          strategy.plugin, what, strategy.label));
}

result<strategy_result> finish(child_process& child, const strategy& strategy,
                               std::chrono::seconds limit) {
  std::string bytes;
  for (;;) {
    auto some = child.read_some({});
    if (!some)
      return tl::unexpected{some.error()};
    if (some->empty())
      break;
    bytes += *some;
  }
  auto how = child.wait();
  if (how.signal != 0 || how.code != 0 || bytes.empty())
    return ended_early(strategy, how, limit);
  return from_bytes(bytes);
}

} // namespace

result<std::vector<strategy_result>> run_isolated(const workload& workload,
                                                  const std::vector<strategy>& strategies,
                                                  std::uint64_t seed, unsigned processes,
                                                  std::chrono::seconds limit) {
  std::deque<child_process> children; // that run, the first one first
  std::size_t started = 0;
  std::vector<strategy_result> results;
  for (auto& each : strategies) {
    for (; started < strategies.size() && children.size() < processes; ++started) {
      auto child = start(workload, strategies[started], seed, limit);
      if (!child)
        return tl::unexpected{child.error()};
      children.push_back(std::move(*child));
    }
    auto outcome = finish(children.front(), each, limit);
    if (!outcome)
      return tl::unexpected{outcome.error()};
    results.push_back(std::move(*outcome));
    children.pop_front();
  }
  return results;
}

} // namespace atl::compare
