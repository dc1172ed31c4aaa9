#include "balancer_properties.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <set>

namespace atl::properties {

bool eligible(const spi::candidate& one, const balancer_traits& traits) {
  return one.healthy && (!traits.weighted || one.weight > 0);
}

bool must_be_eligible(const spi::candidate& one, const balancer_traits& traits) {
  return eligible(one, traits) && (!traits.may_skip_weightless || one.weight > 0);
}

candidates random_candidates(spi::random_source& random, std::size_t size, std::size_t domains,
                             bool weird) {
  constexpr double odd[] = {0, -1, NAN, INFINITY, 1e300, 1e-300, 5e-324};
  candidates made;
  for (std::size_t i = 0; i < size; ++i) {
    spi::candidate one;
    one.id = 1 + random.below(3 * size); // some ids meet again in another set, most don't
    while (std::any_of(made.begin(), made.end(), [&](auto& other) { return other.id == one.id; }))
      ++one.id;
    if (domains > 0 && !random.chance(0.1))
      one.domain = "rack " + std::to_string(random.below(domains));
    one.weight = weird && random.chance(0.3) ? odd[random.below(std::size(odd))]
                                             : static_cast<double>(1 + random.below(9));
    one.in_flight = static_cast<std::uint32_t>(random.below(50));
    one.latency = std::chrono::microseconds{random.below(20'000)};
    one.free_bytes = random.below(std::uint64_t{1} << 40);
    one.healthy = !random.chance(0.2);
    made.push_back(std::move(one));
  }
  return made;
}

finding picks_rightly(spi::balancer& balancer, const candidates& all, const balancer_traits& traits,
                      std::uint64_t key) {
  auto picked = balancer.pick(all, key);
  auto possible =
      std::any_of(all.begin(), all.end(), [&](auto& one) { return must_be_eligible(one, traits); });
  if (!picked)
    return possible ? finding{"picked none, though a candidate is healthy"} : std::nullopt;
  if (*picked >= all.size())
    return "picked index " + std::to_string(*picked) + " of " + std::to_string(all.size());
  if (!eligible(all[*picked], traits))
    return "picked candidate " + std::to_string(all[*picked].id) +
           ", which is unhealthy or has no weight";
  return std::nullopt;
}

finding picks_many_rightly(spi::balancer& balancer, const candidates& all, std::size_t count,
                           const balancer_traits& traits, std::uint64_t key) {
  std::set<std::string> domains;
  std::size_t possible = 0, due = 0; // those that may be picked, and those that must be
  auto domain_of = [&](std::size_t i) {
    return all[i].domain.empty() ? "alone " + std::to_string(i) : "named " + all[i].domain;
  };
  for (std::size_t i = 0; i < all.size(); ++i)
    if (eligible(all[i], traits)) {
      ++possible;
      if (!must_be_eligible(all[i], traits))
        continue;
      ++due;
      domains.insert(domain_of(i));
    }
  auto picks = balancer.pick_many(all, count, key);
  if (picks.size() > std::min(count, possible) || picks.size() < std::min(count, due))
    return "picked " + std::to_string(picks.size()) + " of " + std::to_string(possible) +
           " candidates when asked for " + std::to_string(count);
  std::set<std::size_t> seen;
  std::set<std::string> used;
  for (auto i : picks) {
    if (i >= all.size() || !eligible(all[i], traits))
      return "picked index " + std::to_string(i) + ", which is unhealthy, without weight or none";
    if (!seen.insert(i).second)
      return "picked candidate " + std::to_string(all[i].id) + " twice in one call";
    auto is_new = used.insert(domain_of(i)).second;
    domains.erase(domain_of(i));
    if (traits.spreads && !is_new && !domains.empty())
      return "picked domain '" + all[i].domain + "' again while another was unused";
  }
  return std::nullopt;
}

namespace {

/// Mostly a listed node, sometimes one that was never listed.
std::uint64_t observed_id(spi::random_source& random, const candidates& all) {
  return all.empty() || random.chance(0.1) ? random.next() : all[random.below(all.size())].id;
}

/// Sometimes unknown, and sometimes longer than a host would wait.
std::chrono::microseconds observed_latency(spi::random_source& random) {
  if (random.chance(0.1))
    return std::chrono::microseconds{0};
  if (random.chance(0.1))
    return std::chrono::hours{24 * 365};
  return std::chrono::microseconds{random.below(9999)};
}

} // namespace

finding stays_right_under_change(const balancer_maker& make, const balancer_traits& traits,
                                 std::uint64_t seed, const change_bounds& bounds) {
  spi::random_source random{seed};
  auto balancer = make(random.next());
  candidates all;
  for (std::size_t round = 0; round < bounds.rounds; ++round) {
    if (random.chance(0.3))
      all = random_candidates(random, random.below(bounds.size_max + 1),
                              random.below(bounds.domains_max + 1), true);
    for (auto& one : all)
      if (random.chance(0.1))
        one.healthy = !one.healthy;
    auto key = random.next();
    auto wrong =
        random.chance(0.5)
            ? picks_rightly(*balancer, all, traits, key)
            : picks_many_rightly(*balancer, all, random.below(bounds.count_max + 1), traits, key);
    if (wrong)
      return *wrong + " in round " + std::to_string(round);
    balancer->observe(observed_id(random, all), {random.chance(0.8), observed_latency(random)});
  }
  return std::nullopt;
}

finding repeats_itself(const balancer_maker& make, std::uint64_t seed, std::size_t rounds) {
  spi::random_source random{seed};
  auto start = random.next();
  auto first = make(start), second = make(start);
  candidates all;
  for (std::size_t round = 0; round < rounds; ++round) {
    if (round % 7 == 0)
      all = random_candidates(random, random.below(10), random.below(4), true);
    auto key = random.next();
    auto count = random.below(5);
    if (first->pick(all, key) != second->pick(all, key) ||
        first->pick_many(all, count, key) != second->pick_many(all, count, key))
      return "answers differently from its twin in round " + std::to_string(round);
    if (!all.empty()) {
      spi::outcome result{random.chance(0.8), std::chrono::microseconds{random.below(9999)}};
      auto id = all[random.below(all.size())].id;
      first->observe(id, result);
      second->observe(id, result);
    }
  }
  return std::nullopt;
}

std::vector<std::uint64_t> tally(spi::balancer& balancer, const candidates& all, std::size_t count,
                                 std::size_t calls) {
  std::vector<std::uint64_t> counts(all.size());
  for (std::size_t call = 0; call < calls; ++call)
    if (count > 0) {
      for (auto i : balancer.pick_many(all, count, call))
        ++counts[i];
    } else if (auto i = balancer.pick(all, call)) {
      ++counts[*i];
    }
  return counts;
}

finding shares_follow(spi::balancer& balancer, const candidates& all, std::size_t count,
                      std::size_t calls, const balancer_traits& traits, double tolerance) {
  auto weights = candidates{all};
  for (auto& one : weights)
    if (!traits.weighted)
      one.weight = 1;
  auto shares = fair_shares(weights, std::max<std::size_t>(count, 1));
  auto counts = tally(balancer, all, count, calls);
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto due = shares[i] * static_cast<double>(calls);
    if (std::abs(static_cast<double>(counts[i]) - due) > tolerance)
      return "candidate " + std::to_string(all[i].id) + " got " + std::to_string(counts[i]) +
             " picks of " + std::to_string(calls) + " calls, but " + std::to_string(due) +
             " were due";
  }
  return std::nullopt;
}

double chi_squared(const std::vector<std::uint64_t>& counts) {
  double total = 0, sum = 0;
  for (auto count : counts)
    total += static_cast<double>(count);
  auto due = total / static_cast<double>(counts.size());
  for (auto count : counts)
    sum += (static_cast<double>(count) - due) * (static_cast<double>(count) - due) / due;
  return sum;
}

} // namespace atl::properties
