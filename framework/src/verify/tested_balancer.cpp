#include "tested_balancer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace atl::verify {

std::uint64_t tested_balancer::for_seeds(
    std::uint64_t part, std::uint64_t most,
    const std::function<properties::finding(std::uint64_t seed)>& holds) const {
  auto seeds_max = std::clamp<std::uint64_t>(how.seeds / part, 1, most);
  auto work_max = work->seconds() + budget.seconds;
  std::uint64_t seeds = 0;
  while (seeds < seeds_max && (seeds < budget.seeds_min || work->seconds() < work_max)) {
    auto seed = how.first + seeds;
    if (auto wrong = holds(seed))
      throw broken(fmt::format("seed {}: it {}", seed, *wrong));
    ++seeds;
  }
  return seeds;
}

void tested_balancer::measure_costs() {
  *work = balancer_work::measured(make);
}

work_budget budget_of(const effort& how) {
  constexpr double seconds_min = 0.25, seconds_each_seed = 0.0015;
  constexpr std::uint64_t seeds_min = 4;
  return {std::max(seconds_min, seconds_each_seed * static_cast<double>(how.seeds)), seeds_min};
}

tested_balancer tested(const spi::descriptor& plugin, const spi::options& options,
                       const effort& how) {
  tested_balancer it;
  it.work = std::make_shared<balancer_work>();
  it.make = counted_in(it.work, [&plugin, options](std::uint64_t seed) {
    return std::unique_ptr<spi::balancer>{plugin.create.balancer({options, seed})};
  });
  it.how = how;
  it.budget = budget_of(how);
  it.shares = claim_of(plugin, "shares");
  it.keys = claim_of(plugin, "keys");
  it.traits = {.weighted = it.shares == "weighted",
               .spreads = claim_of(plugin, "spread") == "domains",
               .may_skip_weightless = it.shares.empty()};
  it.smooth = claim_of(plugin, "smooth") == "yes";
  auto avoided = claim_of(plugin, "avoids");
  it.avoids_slow = avoided.starts_with("slow");
  it.avoids_failing = avoided.ends_with("failing");
  if (auto option = claim_of(plugin, "load_bound"); !option.empty() && options.real(option) > 0)
    it.load_bound = options.real(option);
  if (auto option = claim_of(plugin, "max_load"); !option.empty())
    it.max_load = options.integer(option);
  return it;
}

} // namespace atl::verify
