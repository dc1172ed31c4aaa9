#include "../common/spread_balancer.hpp"
#include "../common/weighted_draw.hpp"

#include <atoll/spi/balancer.hpp>

namespace {

using namespace atl::spi;

/// Picks each available member with a probability in proportion to its weight.
class weighted_random final : public atl::balancers::spread_balancer<weighted_random> {
 public:
  explicit weighted_random(const balancer_setup& setup) : random_{setup.seed} {}

  void update_members(std::span<const member> members) { members_.update(members); }

  template <class Predicate>
  slot pick_among(const pick_request&, const member_facts&, Predicate&& may) {
    return members_.draw(random_, may);
  }

 private:
  random_source random_;
  atl::balancers::weighted_draw members_;
};

constexpr claim claims[] = {{"shares", "weighted"}, {"spread", "domains"}};

} // namespace

ATOLL_PLUGIN(balancer, weighted_random, 1, 0, 0){
    .summary = "Each available member with a probability in proportion to its weight",
    .licence = "Apache-2.0",
    .claims = claims,
    .create = [](const balancer_setup& setup) -> balancer* { return new weighted_random{setup}; },
};
