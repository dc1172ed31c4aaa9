#include "../common/spread_picks.hpp"

#include <atoll/spi/balancer.hpp>

namespace {

using namespace atl::spi;

/// Picks each available member with the same probability.
class random_balancer final : public balancer {
 public:
  explicit random_balancer(const balancer_setup& setup) : random_{setup.seed} {}

  void update(std::span<const member> members) override {
    size_ = members.size();
    spread_.update(members);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    return spread_.pick(request, facts, [&](auto&& may) { return draw(may); });
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    return spread_.pick_many(request, facts, picks, [&](auto&& may) { return draw(may); });
  }

 private:
  template <class Predicate>
  slot draw(Predicate&& may) {
    return atl::balancers::draw_uniform(random_, size_, may);
  }

  random_source random_;
  std::size_t size_ = 0;
  atl::balancers::spread_picks spread_;
};

constexpr claim claims[] = {{"shares", "uniform"}, {"spread", "domains"}};

} // namespace

ATOLL_PLUGIN(balancer, random, 1, 0, 0){
    .summary = "Each available member with the same probability",
    .licence = "Apache-2.0",
    .claims = claims,
    .create = [](const balancer_setup& setup) -> balancer* { return new random_balancer{setup}; },
};
