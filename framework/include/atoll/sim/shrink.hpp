#pragma once

#include <atoll/sim/simulation.hpp>

#include <cstddef>
#include <cstdint>

namespace atl::sim {

struct shrunk_run {
  simulation_options options; ///< run them again to see it
  simulation_report report;   ///< of that run
  std::size_t faults_before = 0;
  std::uint64_t runs = 0; ///< that it took
  bool finished = true;   ///< false: the limit came first, and less might do
};

/// Whether two runs failed alike: by the same kind of violation, and where the protocol gives a
/// reason of its own, with the same words but for numbers.
bool failed_alike(const simulation_report& a, const simulation_report& b);

/// Looks for a small run that fails like this one: a shorter one, with fewer clients, replicas and
/// kinds of faults, and of the faults that acted as few as will do (delta debugging: Zeller &
/// Hildebrandt, *Simplifying and isolating failure-inducing input*, 2002). The seed stays. The same
/// failure shrinks to the same run.
/// @param options of a run that fails.
/// @param runs at most so many are tried.
shrunk_run shrink(const simulation_options& options, const consensus_factory& factory,
                  std::uint64_t runs = 1'000);

} // namespace atl::sim
