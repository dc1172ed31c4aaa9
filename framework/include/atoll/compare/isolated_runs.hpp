#pragma once

#include <atoll/compare/queueing.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

namespace atl::compare {

/// Runs a workload through each strategy as `run_queueing` does, each in a child process, so that a
/// plugin that hangs, crashes or ends its process causes an error and does not end this process.
/// @param processes run at the same time; at least 1
/// @param limit from 1 s on: a strategy whose simulation stands still for so long is given up
/// @returns the results in the order of the strategies. Errors: the errors of `run_queueing`, and
///          `errc::internal` with the plugin's name for one that hangs or ends its process.
/// No other thread may run.
result<std::vector<strategy_result>> run_isolated(const workload& workload,
                                                  const std::vector<strategy>& strategies,
                                                  std::uint64_t seed, unsigned processes,
                                                  std::chrono::seconds limit);

} // namespace atl::compare
