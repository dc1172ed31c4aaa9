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

ATOLL_PLUGIN(balancer, lowest_id, 1, 0, 0) = {
    .kind = plugin_kind::balancer,
    .name = "lowest_id",
    .version = "1.0.0",
    .summary = "Always the healthy candidate with the lowest id",
    .licence = "MIT",
    .claims = nullptr,
    .claim_count = 0,
    .options = nullptr,
    .option_count = 0,
    .create_balancer = [](const balancer_setup&) -> balancer* { return new lowest_id; },
};
