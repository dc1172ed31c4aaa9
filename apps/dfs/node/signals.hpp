#pragma once

#include <atoll/core/error.hpp>

namespace dfs {

/// Waits for what ends a node: a signal, or a failure of one of its parts. Signals that a node goes
/// on after are logged, and nothing else happens.
class stop_waiter {
 public:
  /// Lets no signal end the process in the middle of its work from now on. Call before any thread
  /// is started: threads inherit it.
  static atl::result<stop_waiter> make();

  /// A part of that, for the time before: signals that a node goes on after don't end it, those
  /// that end a node do.
  static void hold_survived_signals();

  stop_waiter(stop_waiter&& other) noexcept;
  stop_waiter& operator=(stop_waiter&&) = delete;
  ~stop_waiter();

  /// Ends the wait, from any thread.
  void wake() const;
  /// @returns the number of the signal, or 0 after `wake`.
  int wait() const;

 private:
  stop_waiter(int signals, int wakes) : signals_{signals}, wakes_{wakes} {}

  int signals_; ///< a signalfd
  int wakes_;   ///< an eventfd
};

} // namespace dfs
