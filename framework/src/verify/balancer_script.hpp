#pragma once

#include "balancer_driver.hpp"

#include <atoll/spi/random.hpp>

#include <cstddef>
#include <initializer_list>

namespace atl::properties {

/// Bounds of the lists that a script draws.
struct script_bounds {
  std::size_t size_max = 12;
  std::size_t domains_max = 5;
};

/// What happens around a balancer, by lot: members that change, and news of them. Everything comes
/// from the caller's `random`, so that the same seed gives the same script.
class balancer_script {
 public:
  balancer_script(spi::random_source& random, const script_bounds& bounds)
      : random_{random}, bounds_{bounds} {}

  /// Sometimes lists other members, or the same in another order or with other weights; always
  /// draws their facts again; some die or come back.
  void change();
  const member_list& members() const { return all_; }

  /// A few of the members' slots, in any order; often none.
  slot_list draw_tried();

  /// Tells each of these balancers the same outcome of a request to any member, or the result of a
  /// probe that nobody asked for.
  void report_to(std::initializer_list<balancer_driver*> balancers);

  /// Tells the balancer the result of a probe of this member.
  void answer_probe(balancer_driver& balancer, spi::slot who);

 private:
  spi::random_source& random_;
  script_bounds bounds_;
  member_list all_;
};

} // namespace atl::properties
