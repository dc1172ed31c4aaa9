#include "tested_balancer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace atl::verify {

std::uint64_t tested_balancer::for_seeds(
    std::uint64_t part, std::uint64_t most,
    const std::function<properties::finding(std::uint64_t seed)>& holds) const {
  auto seeds = std::clamp<std::uint64_t>(how.seeds / part, 1, most);
  for (auto seed = how.first; seed < how.first + seeds; ++seed)
    if (auto wrong = holds(seed))
      throw broken(fmt::format("seed {}: it {}", seed, *wrong));
  return seeds;
}

tested_balancer tested(const spi::descriptor& plugin, const spi::options& options,
                       const effort& how) {
  tested_balancer it;
  it.make = [&plugin, options](std::uint64_t seed) {
    return std::unique_ptr<spi::balancer>{plugin.create.balancer({options, seed})};
  };
  it.how = how;
  it.shares = claim_of(plugin, "shares");
  it.keys = claim_of(plugin, "keys");
  it.traits = {.weighted = it.shares == "weighted",
               .spreads = claim_of(plugin, "spread") == "domains",
               .may_skip_weightless = it.shares.empty()};
  it.smooth = claim_of(plugin, "smooth") == "yes";
  auto avoided = claim_of(plugin, "avoids");
  it.avoids_slow = avoided.starts_with("slow");
  it.avoids_failing = avoided.ends_with("failing");
  if (auto option = claim_of(plugin, "load_bound"); !option.empty())
    it.load_bound = options.real(option);
  if (auto option = claim_of(plugin, "max_load"); !option.empty())
    it.max_load = options.integer(option);
  return it;
}

} // namespace atl::verify
