#include <atoll/spi/balancer.hpp>

using namespace atl::spi;

struct lowest_id : balancer {
  std::optional<std::size_t> pick(std::span<const candidate> candidates, std::uint64_t) override {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (candidates[i].healthy && (!best || candidates[i].id < candidates[*best].id))
        best = i;
    return best;
  }
};

ATOLL_PLUGIN(balancer, lowest_id, 1, 0, 0){
    .summary = "Always the healthy candidate with the lowest id",
    .licence = "MIT",
    .create = [](const balancer_setup&) -> balancer* { return new lowest_id; },
};
