#pragma once

#include <atoll/sim/simulation.hpp>

#include <cstddef>
#include <cstdint>

namespace atl::sim {

struct shrunk_run {
  simulation_options options; ///< options that reproduce the failure
  simulation_report report;   ///< the report of that run
  std::size_t faults_before = 0;
  std::uint64_t runs = 0; ///< number of runs tried
  bool finished = true;   ///< false: the limit of runs was reached; a smaller run may exist
};

/// Whether two runs failed in the same way: with the same kind of violation and, if the protocol
/// gives a reason of its own, with the same words except for numbers.
bool failed_alike(const simulation_report& a, const simulation_report& b);

/// Searches for a smaller run that fails in the same way: a shorter one, with fewer clients,
/// replicas and kinds of faults, and a minimal set of the faults that acted (delta debugging:
/// Zeller & Hildebrandt, *Simplifying and isolating failure-inducing input*, 2002). The seed is
/// kept. Deterministic: the same failure always yields the same run.
/// @param options options of a run that fails.
/// @param runs maximum number of runs to try.
shrunk_run shrink(const simulation_options& options, const consensus_factory& factory,
                  std::uint64_t runs = 1'000);

} // namespace atl::sim
