#pragma once

#include <atoll/core/error.hpp>

namespace dfs {

/// Waits for what ends a node: a signal, or a failure of one of its parts. Signals that a node goes
/// on after are logged, and nothing else happens.
class stop_waiter {
 public:
  /// From now on the signals that a node survives don't end the process. Those that stop a node
  /// still do, until `make` is called.
  static void hold_survived_signals();

  /// From now on signals that stop a node wait for `wait`. Call before any thread is started,
  /// because threads inherit the mask.
  static atl::result<stop_waiter> make();

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
