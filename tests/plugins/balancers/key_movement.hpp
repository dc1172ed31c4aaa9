#pragma once

#include "plugin_maker.hpp"
#include "pool_fixture.hpp"

#include <atoll/spi/balancer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
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

/// A pool, a balancer that knows it, and where its keys 0, 1, … were in the beginning.
class keyed_pool : public pool_fixture {
 public:
  /// @param members of weight 1
  keyed_pool(const balancer_maker& make, std::size_t members, std::size_t keys)
      : pool_fixture{members}, balancer_{make(1)} {
    update();
    before_ = members_of_keys(*balancer_, *this, keys);
  }

  /// To be called after members changed.
  void update() { pool_fixture::update(*balancer_); }

  const std::vector<std::uint64_t>& before() const { return before_; }
  std::vector<std::uint64_t> now() { return members_of_keys(*balancer_, *this, before_.size()); }

  std::size_t keys_before(std::uint64_t member) const {
    return static_cast<std::size_t>(std::count(before_.begin(), before_.end(), member));
  }

  /// The keys that have moved since the beginning.
  movement moved(std::uint64_t changed) { return moved_keys(before_, now(), changed); }

  /// How many keys that this member had in the beginning other members have now, by their ids.
  std::map<std::uint64_t, std::size_t> heirs(std::uint64_t member) {
    std::map<std::uint64_t, std::size_t> counts;
    auto after = now();
    for (std::size_t key = 0; key < before_.size(); ++key)
      if (before_[key] == member && after[key] != member)
        ++counts[after[key]];
    return counts;
  }

 private:
  std::unique_ptr<spi::balancer> balancer_;
  std::vector<std::uint64_t> before_;
};

/// Keys go to the same members whatever the seed and the order of the list.
inline void check_seed_and_order_mean_nothing(const balancer_maker& make) {
  constexpr std::size_t keys = 1000;
  pool_fixture pool{10};
  auto one = make(1), other = make(2);
  pool.update(*one);
  auto before = members_of_keys(*one, pool, keys);
  pool.exchange(0, 9);
  pool.exchange(3, 5);
  pool.update(*other);
  CHECK(members_of_keys(*other, pool, keys) == before);
}

/// Of `members` equal ones the first is down: its keys alone move, as many to each other member,
/// and come back when it is up again.
/// @param tolerance of the heirs' counts, relative to the mean
inline void check_unavailable_member(const balancer_maker& make, std::size_t members,
                                     std::size_t keys, double tolerance) {
  keyed_pool pool{make, members, keys};
  auto down = pool.members[0].id;
  pool.available[0] = 0;
  auto movement = pool.moved(down);
  CHECK(movement.needless == 0);
  CHECK(movement.moved == pool.keys_before(down));
  auto heirs = pool.heirs(down);
  CHECK(heirs.size() == members - 1);
  auto mean = static_cast<double>(pool.keys_before(down)) / static_cast<double>(members - 1);
  for (auto& [heir, count] : heirs)
    CHECK(static_cast<double>(count) == doctest::Approx(mean).epsilon(tolerance));
  pool.available[0] = 1;
  CHECK(pool.now() == pool.before());
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
inline std::vector<double> greatest_shares(const balancer_maker& make, std::size_t members,
                                           std::size_t pools, std::size_t keys) {
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
