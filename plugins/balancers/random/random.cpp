#include "../common/spread_balancer.hpp"

#include <atoll/spi/balancer.hpp>

namespace {

using namespace atl::spi;

/// Picks each available member with the same probability.
class random_balancer final : public atl::balancers::spread_balancer<random_balancer> {
 public:
  explicit random_balancer(const balancer_setup& setup) : random_{setup.seed} {}

  void update_members(std::span<const member> members) { size_ = members.size(); }

  template <class Predicate>
  slot pick_among(const pick_request&, const member_facts&, Predicate&& may) {
    return atl::balancers::draw_uniform(random_, size_, may);
  }

 private:
  random_source random_;
  std::size_t size_ = 0;
};

constexpr claim claims[] = {{"shares", "uniform"}, {"spread", "domains"}};

} // namespace

ATOLL_PLUGIN(balancer, random, 1, 0, 0){
    .summary = "Each available member with the same probability",
    .licence = "Apache-2.0",
    .claims = claims,
    .create = [](const balancer_setup& setup) -> balancer* { return new random_balancer{setup}; },
};
