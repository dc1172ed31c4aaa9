#pragma once

#include <atoll/core/error.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace atl::compare {

/// Work with a plugin, in a child process.
struct child_task {
  std::string plugin; ///< for messages: `the balancer plugin 'random'`
  std::string label;  ///< of the strategy, for messages
  /// Returns its outcome as bytes, at least one. Calls `on_progress` again and again.
  std::function<std::string(const std::function<void()>& on_progress)> work;
};

/// Runs each task in a child process of its own.
/// @param processes run at the same time; at least 1
/// @param limit from 1 s on: a task that makes no progress for so long is given up
/// @returns the bytes in the order of the tasks. Errors: `errc::internal` with the plugin's name
///          for a task that hangs or ends its process. No other thread may run.
result<std::vector<std::string>> run_child_tasks(const std::vector<child_task>& tasks,
                                                 unsigned processes, std::chrono::seconds limit);

} // namespace atl::compare
