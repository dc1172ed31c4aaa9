#pragma once

#include <atoll/core/error.hpp>

namespace atl::node {

/// Waits for the end of a node: a signal that stops it, or a failure of one of its parts. Other
/// signals are only logged.
class stop_waiter {
 public:
  /// Keeps signals that a node survives from ending the process. Signals that stop a node still end
  /// the process until `make` is called.
  static void hold_survived_signals();

  /// Signals that stop a node are delivered to `wait` from now on. Call before any thread is
  /// started, because threads inherit the mask.
  static result<stop_waiter> make();

  stop_waiter(stop_waiter&& other) noexcept;
  stop_waiter& operator=(stop_waiter&&) = delete;
  ~stop_waiter();

  /// Ends the wait, from any thread.
  void wake() const;
  /// @returns the number of the signal, or 0 after one or more calls of `wake`.
  int wait() const;

 private:
  stop_waiter(int signals, int wakes) : signals_{signals}, wakes_{wakes} {}

  int signals_; ///< a signalfd
  int wakes_;   ///< an eventfd
};

} // namespace atl::node
