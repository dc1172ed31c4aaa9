#include "../common/spread_picks.hpp"
#include "../common/weighted_draw.hpp"

#include <atoll/spi/balancer.hpp>

namespace {

using namespace atl::spi;

/// Picks each available member with a probability in proportion to its weight.
class weighted_random final : public balancer {
 public:
  explicit weighted_random(const balancer_setup& setup) : random_{setup.seed} {}

  void update(std::span<const member> members) override {
    members_.update(members);
    spread_.update(members);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    return spread_.pick(request, facts, [&](auto&& may) { return members_.draw(random_, may); });
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    return spread_.pick_many(request, facts, picks,
                             [&](auto&& may) { return members_.draw(random_, may); });
  }

 private:
  random_source random_;
  atl::balancers::weighted_draw members_;
  atl::balancers::spread_picks spread_;
};

constexpr claim claims[] = {{"shares", "weighted"}, {"spread", "domains"}};

} // namespace

ATOLL_PLUGIN(balancer, weighted_random, 1, 0, 0){
    .summary = "Each available member with a probability in proportion to its weight",
    .licence = "Apache-2.0",
    .claims = claims,
    .create = [](const balancer_setup& setup) -> balancer* { return new weighted_random{setup}; },
};
