#pragma once

#include <atoll/sim/history.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace atl::sim {

enum class verdict : std::uint8_t {
  linearizable,
  not_linearizable,
  gave_up, ///< the step limit was reached without a result
};

struct linearizability_limits {
  std::uint64_t steps_per_key = 20'000'000; ///< placements that are tried
};

struct linearizability_report {
  verdict what = verdict::linearizable;
  std::uint64_t key = 0;   ///< the key that failed, or whose check was given up
  std::uint64_t steps = 0; ///< placements tried, over all keys
  std::string reason;      ///< for people; empty when linearizable
  operation stuck{};       ///< if not linearizable: the operation that no order could include
};

/// Checks whether the operations, each taking effect at one moment between its start and its end,
/// can be ordered so that one register per key gives the same answers. Keys are checked
/// independently (Herlihy & Wing, *Linearizability*, 1990: the property is local).
///
/// Depth-first search after Wing & Gong (1993) that caches each set of placed operations with the
/// resulting state, after Lowe (*Testing for linearizability*, 2017). Sets are cached as 128-bit
/// hashes.
linearizability_report check_linearizable(std::span<const operation> history,
                                          const linearizability_limits& limits = {});

} // namespace atl::sim
