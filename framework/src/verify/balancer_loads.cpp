#include "balancer_loads.hpp"

#include "member_lists.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace atl::verify::loads {

namespace {

/// Rounded up, but for an error in the last digits of a product.
std::uint32_t rounded_up(double value) {
  return static_cast<std::uint32_t>(std::ceil(value - 1e-9));
}

} // namespace

finding stay_bounded(const balancer_maker& make, std::uint64_t seed, double bound) {
  constexpr std::size_t calls = 1'500;
  spi::random_source random{seed};
  properties::balancer_driver balancer{make(random.next())};
  auto all = random_members(random, 2 + random.below(9), 0, false);
  auto busy = 1 + random.below(100);   // requests in flight, about
  std::vector<std::uint64_t> requests; // the id that each went to
  for (auto& member : all)
    member.in_flight = member.reported_in_flight = 0;
  // Busy with requests of others; no part of the mean.
  auto& weightless = all[random.below(all.size())];
  weightless.weight = 0;
  weightless.in_flight = static_cast<std::uint32_t>(random.below(1'000));
  for (std::size_t call = 0; call < calls; ++call) {
    if (random.chance(0.02)) {
      auto& member = all[random.below(all.size())];
      member.available = !member.available;
    }
    if (random.chance(0.02))
      shuffle(all, random);
    auto in_flight = std::uint64_t{1}; // with the new one
    std::size_t available = 0;
    for (auto& member : all)
      if (member.available && member.weight > 0) {
        in_flight += member.in_flight;
        ++available;
      }
    balancer.use(all);
    // Few keys, so that a strategy that goes by keys has reason to crowd.
    auto picked = balancer.pick(random.below(4));
    if (picked < all.size() && all[picked].weight > 0) {
      auto mean =
          static_cast<double>(in_flight) / static_cast<double>(std::max<std::size_t>(available, 1));
      auto most = rounded_up(bound * mean);
      if (++all[picked].in_flight > most)
        return fmt::format("picks member {}, which then has {} requests in flight, where {} times "
                           "the mean of {:.2f} is at most {}",
                           all[picked].id, all[picked].in_flight, bound, mean, most);
      requests.push_back(all[picked].id);
      balancer.observe(picked, {true, std::chrono::milliseconds{1}});
    }
    while (!requests.empty() && (requests.size() > busy || random.chance(0.3))) {
      std::swap(requests[random.below(requests.size())], requests.back());
      for (auto& member : all)
        if (member.id == requests.back())
          --member.in_flight;
      requests.pop_back();
    }
  }
  return std::nullopt;
}

finding stay_even(const balancer_maker& make, std::uint64_t seed, std::int64_t choices) {
  constexpr std::size_t size = 1'000;
  constexpr int runs = 12; // one draw for each request is over the bound in about every other
  if (choices < 2)
    return std::nullopt; // no bound
  auto bound = std::log(std::log(double{size})) / std::log(static_cast<double>(choices)) + 3;
  spi::random_source random{seed};
  for (int run = 0; run < runs; ++run) {
    properties::balancer_driver balancer{make(random.next())};
    auto all = equals(size);
    for (std::size_t request = 0; request < size; ++request) {
      balancer.use(all);
      auto picked = balancer.pick(random.next());
      if (picked >= size)
        return fmt::format("picked slot {} of {}", picked, size);
      if (++all[picked].in_flight > bound)
        return fmt::format("has given {} of {} requests to one of as many members, where {} "
                           "choices keep to {:.1f}",
                           all[picked].in_flight, request + 1, choices, bound);
    }
  }
  return std::nullopt;
}

} // namespace atl::verify::loads
