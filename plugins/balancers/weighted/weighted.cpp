#include "../common/deficit_scheduler.hpp"
#include "../common/weights.hpp"

#include <atoll/spi/balancer.hpp>

#include <numeric>

namespace {

using namespace atl::spi;

/// Smooth weighted round robin; of equal members the first in the list, as in nginx.
class weighted final : public balancer {
 public:
  void update(std::span<const member> members) override {
    std::vector<double> weights;
    atl::balancers::normalize_weights(members, weights);
    std::vector<std::uint32_t> ranks(members.size());
    std::iota(ranks.begin(), ranks.end(), 0);
    scheduler_.update(members, weights, ranks);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    return scheduler_.pick(request, facts);
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    return scheduler_.pick_many(request, facts, picks);
  }

 private:
  atl::balancers::deficit_scheduler scheduler_;
};

constexpr claim claims[] = {{"shares", "weighted"}, {"smooth", "yes"}, {"spread", "domains"}};

} // namespace

ATOLL_PLUGIN(balancer, weighted, 1, 0, 0){
    .summary = "Shares in proportion to weights, evenly interleaved",
    .licence = "Apache-2.0",
    .claims = claims,
    .create = [](const balancer_setup&) -> balancer* { return new weighted; },
};
