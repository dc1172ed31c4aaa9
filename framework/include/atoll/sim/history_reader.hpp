#pragma once

#include <atoll/core/error.hpp>
#include <atoll/sim/history.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace atl::sim {

/// A recorded history, with the source line of each operation.
struct recorded_history {
  history operations;
  std::vector<std::size_t> lines; ///< by operation: the line of its invocation, from 1
  std::size_t events = 0;         ///< invocations and their ends; times are their places
};

/// Reads histories that other tools recorded. The beginning of the text shows its format:
///
/// * the log lines of Jepsen's runs, `INFO jepsen.util - 4 :invoke :cas [3 0]`; other lines are
///   skipped;
/// * knossos EDN: maps such as `{:process 4, :type :invoke, :f :cas, :value [3 0]}`, in a vector or
///   one after the other; other keys are skipped;
/// * a JSON object a line: `{"process": 4, "type": "invoke", "f": "cas", "value": [3, 0], "key":
///   0}`, where `key` may be missing.
///
/// Types are `invoke`, `ok`, `fail` (no effect, and never will have) and `info` (may take effect at
/// any time from its start on, or never); operations `read`, `write`, `cas`. Operations of a
/// process that isn't a number, such as the nemesis, are skipped.
/// @returns errc::invalid with the line of the first mistake: an end without a beginning, a second
/// beginning of one process, or a value of the wrong form.
result<recorded_history> read_history(std::string_view text);

} // namespace atl::sim
