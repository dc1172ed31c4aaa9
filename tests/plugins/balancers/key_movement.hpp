#pragma once

#include "pool_fixture.hpp"

#include <atoll/spi/balancer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

/// What the tests of strategies that keep a key with a member share.
namespace balancer_test {

inline constexpr std::uint64_t no_member = 0;

/// The ids of the members that the keys 0, 1, … go to; `no_member`: to none.
inline std::vector<std::uint64_t> members_of_keys(spi::balancer& balancer, pool_fixture& pool,
                                                  std::size_t keys) {
  std::vector<std::uint64_t> ids;
  auto facts = pool.facts();
  for (std::uint64_t key = 0; key < keys; ++key) {
    auto who = balancer.pick({.key = key, .now = pool.now}, facts);
    ids.push_back(who < pool.size() ? pool.members[who].id : no_member);
  }
  return ids;
}

/// How many keys moved, and how many of these moved neither from nor to the member `changed`.
struct movement {
  std::size_t moved = 0;
  std::size_t needless = 0;
};

inline movement moved_keys(const std::vector<std::uint64_t>& before,
                           const std::vector<std::uint64_t>& after, std::uint64_t changed) {
  movement result;
  for (std::size_t key = 0; key < before.size(); ++key)
    if (before[key] != after[key]) {
      ++result.moved;
      result.needless += before[key] != changed && after[key] != changed;
    }
  return result;
}

/// Members join, leave, change their places in the list, their weights and availability, as a seed
/// decides: no key moves but from or to the member that changed.
inline void check_minimal_movement(spi::balancer& balancer, std::uint64_t seed,
                                   std::size_t unavailable_max) {
  constexpr std::size_t keys = 3000;
  spi::random_source random{seed};
  pool_fixture pool;
  auto any = [&] { return static_cast<slot>(random.below(pool.size())); };
  auto unavailable = [&] { return std::count(pool.available.begin(), pool.available.end(), 0); };
  for (int joining = 0; joining < 8; ++joining)
    pool.join(0.3 + 3 * random.unit());
  pool.update(balancer);
  auto before = members_of_keys(balancer, pool, keys);
  for (int step = 0; step < 15; ++step) {
    auto who = any();
    auto changed = pool.members[who].id;
    switch (random.below(4)) {
    case 0:
      changed = pool.join(0.3 + 3 * random.unit()).id;
      break;
    case 1:
      pool.leave(who);
      break;
    case 2:
      pool.members[who].weight = 0.3 + 3 * random.unit();
      break;
    default:
      pool.available[who] = static_cast<std::size_t>(unavailable()) >= unavailable_max;
      break;
    }
    pool.exchange(any(), any());
    pool.update(balancer);
    auto after = members_of_keys(balancer, pool, keys);
    CHECK(moved_keys(before, after, changed).needless == 0);
    CHECK(std::count(after.begin(), after.end(), no_member) == 0);
    before = std::move(after);
  }
}

/// The largest number of keys at a member in relation to the mean, in one pool of `members` equal
/// members for each entry, ascending. Each pool has other ids.
inline std::vector<double>
greatest_shares(const std::function<std::unique_ptr<spi::balancer>(std::uint64_t)>& make,
                std::size_t members, std::size_t pools, std::size_t keys) {
  std::vector<double> result;
  for (std::size_t number = 0; number < pools; ++number) {
    auto balancer = make(1);
    pool_fixture pool{members};
    for (auto& member : pool.members)
      member.id += 1000 * number;
    pool.update(*balancer);
    auto counts = tally(*balancer, pool, keys);
    auto greatest = static_cast<double>(*std::max_element(counts.begin(), counts.end()));
    result.push_back(greatest * static_cast<double>(members) / static_cast<double>(keys));
  }
  std::sort(result.begin(), result.end());
  return result;
}

} // namespace balancer_test
