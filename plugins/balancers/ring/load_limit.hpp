#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace atl::balancers {

/// How many requests a member may have in flight when another one is about to be sent: `bound`
/// times the mean of the members for which `counts(slot)` holds, the new request included, rounded
/// up. One of these members at least is below its limit, as `bound` is at least 1.
template <class Predicate>
std::uint64_t load_limit(const spi::member_facts& facts, double bound, Predicate&& counts) {
  std::uint64_t requests = 1, members = 0;
  for (spi::slot who = 0; who < facts.available.size(); ++who)
    if (counts(who)) {
      requests += facts.in_flight[who];
      ++members;
    }
  if (members == 0)
    return 0;
  auto limit = std::ceil(bound * static_cast<double>(requests) / static_cast<double>(members));
  // The product may be rounded to below an exact multiple.
  auto mean = (requests + members - 1) / members;
  return std::max(mean, static_cast<std::uint64_t>(limit));
}

} // namespace atl::balancers
