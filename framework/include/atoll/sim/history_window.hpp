#pragma once

#include <atoll/sim/history.hpp>
#include <atoll/sim/linearizability.hpp>

#include <cstdint>

namespace atl::sim {

/// The part of a history that shows by itself that it isn't linearizable.
struct history_window {
  std::int64_t first = 0; ///< when it begins, in the unit of the history
  std::int64_t last = 0;  ///< when no order is left
  history operations;     ///< those that haven't ended by then have an unknown outcome
};

/// Finds the fewest invocations and ends of operations on `key`, up to the first with which no
/// order is left, that leave no order whatever the register held before.
/// @param all isn't linearizable, for its operations on `key`.
history_window find_window(const history& all, std::uint64_t key,
                           const linearizability_limits& limits);

} // namespace atl::sim
