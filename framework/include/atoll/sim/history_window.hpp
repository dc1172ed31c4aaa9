#pragma once

#include <atoll/sim/history.hpp>
#include <atoll/sim/linearizability.hpp>

#include <cstdint>

namespace atl::sim {

/// A part of a history that is not linearizable by itself.
struct history_window {
  std::int64_t first = 0; ///< when it begins, in the unit of the history
  std::int64_t last = 0;  ///< when no order is possible any more
  history operations;     ///< operations that end after `last` have an unknown outcome
};

/// Finds the shortest sequence of invocations and ends on `key`, up to the first event that leaves
/// no order, that is not linearizable for any initial value.
/// @param all a history whose operations on `key` are not linearizable.
history_window find_window(const history& all, std::uint64_t key,
                           const linearizability_limits& limits);

} // namespace atl::sim
