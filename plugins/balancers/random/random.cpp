#include <atoll/spi/balancer.hpp>

namespace {

using namespace atl::spi;

/// Picks each healthy candidate with the same probability. `pick_many` is the interface's default:
/// a draw without replacement.
class random_balancer final : public balancer {
 public:
  explicit random_balancer(const balancer_setup& setup) : chance_{setup.seed} {}

  std::optional<std::size_t> pick(std::span<const candidate> candidates, std::uint64_t) override {
    std::size_t healthy = 0;
    for (auto& one : candidates)
      healthy += one.healthy;
    if (healthy == 0)
      return std::nullopt;
    auto skip = chance_.below(healthy);
    std::size_t at = 0;
    while (!candidates[at].healthy || skip-- > 0)
      ++at;
    return at;
  }

 private:
  random_source chance_;
};

constexpr claim claims[] = {{"shares", "uniform"}, {"spread", "domains"}};

} // namespace

ATOLL_PLUGIN(balancer, random, 1, 0, 0){
    .summary = "Each healthy candidate with the same chance",
    .licence = "Apache-2.0",
    .claims = claims,
    .create = [](const balancer_setup& setup) -> balancer* { return new random_balancer{setup}; },
};
