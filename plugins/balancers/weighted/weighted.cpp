#include "../common/deficit_scheduler.hpp"

#include <atoll/spi/balancer.hpp>

#include <functional>

namespace {

using namespace atl::spi;

/// Smooth weighted round robin; of equal candidates the first in the list, as in nginx.
class weighted final : public balancer {
 public:
  std::optional<std::size_t> pick(std::span<const candidate> candidates, std::uint64_t) override {
    atl::balancers::usable_weights(candidates, weights_);
    return scheduler_.pick(candidates, weights_, std::less<>{});
  }

  std::vector<std::size_t> pick_many(std::span<const candidate> candidates, std::size_t count,
                                     std::uint64_t) override {
    atl::balancers::usable_weights(candidates, weights_);
    return scheduler_.pick_many(candidates, weights_, count, std::less<>{});
  }

 private:
  atl::balancers::deficit_scheduler scheduler_;
  std::vector<double> weights_;
};

constexpr claim claims[] = {{"shares", "weighted"}, {"spread", "domains"}};

} // namespace

ATOLL_PLUGIN(balancer, weighted, 1, 0, 0){
    .summary = "Shares in proportion to weights, evenly interleaved",
    .licence = "Apache-2.0",
    .claims = claims,
    .create = [](const balancer_setup&) -> balancer* { return new weighted; },
};
