#pragma once

#include "balancer_driver.hpp"

#include <cstddef>
#include <memory>

namespace atl::verify {

/// Processor time of one call for a list of n members: `fixed` + `for_each` × n, in nanoseconds.
struct call_cost {
  double fixed = 0;
  double for_each = 0;
};

/// The nearest power of four, at least 1: equal on most machines for the same plugin, so that the
/// same seeds are tried there.
double rounded_to_power_of_four(double nanoseconds);

/// Estimates the processor time that a balancer takes: the number of its calls, times what a call
/// costs. Calls are counted, so the estimate depends on a clock only through the two costs, which
/// are measured once and rounded. Not thread-safe.
class balancer_work {
 public:
  balancer_work() = default;
  balancer_work(const call_cost& update, const call_cost& pick) : update_{update}, pick_{pick} {}

  /// Measures the costs of lists of 5 and of 100 members, in a process of its own: what a plugin
  /// keeps in static variables stays as it is. A plugin that throws counts as quick.
  static balancer_work measured(const properties::balancer_maker& make);

  void add_update(std::size_t members) { add(update_, members, 1); }
  void add_picks(std::size_t members, std::size_t picks) { add(pick_, members, picks); }

  /// Estimated processor time of all calls so far.
  double seconds() const { return 1e-9 * nanoseconds_; }

 private:
  void add(const call_cost& cost, std::size_t members, std::size_t calls) {
    nanoseconds_ +=
        static_cast<double>(calls) * (cost.fixed + cost.for_each * static_cast<double>(members));
  }

  call_cost update_, pick_;
  double nanoseconds_ = 0;
};

/// Makes balancers like `make`, whose updates and picks are counted in `work`.
properties::balancer_maker counted_in(const std::shared_ptr<balancer_work>& work,
                                      properties::balancer_maker make);

} // namespace atl::verify
