#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace atl::balancers {

/// Smaller weights, relative to the largest, are raised to this one, so that their members can
/// still be picked.
constexpr double weight_min = 1e-18;

/// Writes the members' weights relative to the largest, in (0, 1]; 0 for a weight of 0.
inline void normalize_weights(std::span<const spi::member> members, std::vector<double>& out) {
  out.clear();
  double greatest = 0;
  for (auto& member : members)
    greatest = std::max(greatest, member.weight);
  for (auto& member : members)
    out.push_back(member.weight > 0 ? std::max(member.weight / greatest, weight_min) : 0);
}

/// The requests that a member is known to work on: those of this host, or those of all hosts that
/// the member reported, whichever are more.
inline std::uint32_t requests_in_flight(const spi::member_facts& facts, spi::slot who) {
  return std::max(facts.in_flight[who], facts.reported_in_flight[who]);
}

/// A number of requests as a float; more than 2^31 − 1 count as so many. Processors convert signed
/// numbers much sooner.
constexpr float to_float(std::uint32_t requests) {
  constexpr auto greatest = std::numeric_limits<std::int32_t>::max();
  auto number = static_cast<std::int32_t>(requests);
  return static_cast<float>((number | number >> 31) & greatest);
}

} // namespace atl::balancers
