#pragma once

#include <atoll/core/error.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace atl {

/// A step of guarded work, during which the child process may crash.
struct guarded_step {
  std::string subject;            ///< usually the file of a plugin
  std::string activity;           ///< `loading`
  std::chrono::seconds limit{30}; ///< up to the next step; zero: without limit
};
using announce_step = std::function<void(const guarded_step&)>;

/// Runs `work` in a child process. `work` announces each step before the step begins. Standard
/// output and error are those of this process.
/// @returns what `work` returned (0 to 255); or an error that says in which step the process ended:
///          `FILE: crashed while loading (signal SEGV)`.
result<int> run_guarded(const std::function<int(const announce_step& announce)>& work);

} // namespace atl
