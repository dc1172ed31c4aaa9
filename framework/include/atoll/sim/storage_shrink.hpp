#pragma once

#include <atoll/sim/storage_simulation.hpp>

#include <cstddef>
#include <cstdint>

namespace atl::sim {

struct shrunk_storage_run {
  storage_simulation_options options; ///< options that reproduce the failure
  storage_report report;              ///< the report of that run
  std::size_t faults_before = 0;
  std::uint64_t runs = 0; ///< number of runs tried
  bool finished = true;   ///< false: the limit of runs was reached; a smaller run may exist
};

/// Searches for a smaller run that fails in the same way (the same kind of violation): a shorter
/// one, with fewer clients, units, hosts, nodes and kinds of faults, and a minimal set of the
/// faults that acted, as `shrink` does for protocols. The seed is kept. Deterministic.
/// @param options options of a run that fails.
/// @param runs maximum number of runs to try.
shrunk_storage_run shrink(const storage_simulation_options& options, std::uint64_t runs = 1'000);

} // namespace atl::sim
