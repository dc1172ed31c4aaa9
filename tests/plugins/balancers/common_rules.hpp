#pragma once

#include "allocation_count.hpp"
#include "plugin_maker.hpp"
#include "pool_fixture.hpp"

#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

/// What holds for every balancer. To be included by one source of a test program.
namespace balancer_test {

/// The descriptor is one of a balancer of this name that a host can make sense of.
/// @param claims `shares = uniform`, …, in the descriptor's order
inline void check_descriptor(const spi::descriptor& plugin, const std::string& name,
                             const std::vector<std::string>& claims) {
  CHECK(plugin.magic == spi::descriptor::expected_magic);
  CHECK(plugin.kind == spi::plugin_kind::balancer);
  CHECK(std::string{plugin.name} == name);
  CHECK(std::string{plugin.licence} == "Apache-2.0");
  REQUIRE(bool{plugin.create.balancer != nullptr});
  std::vector<std::string> found;
  for (auto& claim : plugin.claims)
    found.push_back(std::string{claim.name} + " = " + claim.value);
  CHECK(found == claims);
}

/// How many members a request may go to, and in how many domains they are.
struct choice {
  std::size_t members = 0;
  std::size_t domains = 0;
};

inline choice choice_of(const pool_fixture& pool, std::span<const slot> tried, bool weighted) {
  choice result;
  std::set<std::uint32_t> domains;
  for (slot who = 0; who < pool.size(); ++who)
    if (pool.may_pick(who, tried) && (!weighted || pool.members[who].weight > 0)) {
      ++result.members;
      domains.insert(pool.members[who].domain);
    }
  result.domains = domains.size();
  return result;
}

/// Picks once. @returns the slot; what is wrong with it is told to doctest.
inline slot checked_pick(spi::balancer& balancer, pool_fixture& pool, std::uint64_t key,
                         std::span<const slot> tried = {}) {
  auto who = pool.pick(balancer, key, tried);
  if (who == no_slot)
    CHECK_MESSAGE(choice_of(pool, tried, true).members == 0, "none picked, but some may be");
  else
    CHECK_MESSAGE(pool.may_pick(who, tried), "picked slot " << who << ", which may not be picked");
  return who;
}

/// Picks several. A strategy may leave out members of weight 0, or use them.
inline std::vector<slot> checked_picks(spi::balancer& balancer, pool_fixture& pool,
                                       std::size_t count, std::uint64_t key,
                                       std::span<const slot> tried = {}) {
  auto picks = pool.pick_many(balancer, count, key, tried);
  for (auto who : picks)
    CHECK_MESSAGE(pool.may_pick(who, tried), "picked slot " << who << ", which may not be picked");
  CHECK_MESSAGE(std::set<slot>(picks.begin(), picks.end()).size() == picks.size(),
                "picked a member twice");
  auto weighted = choice_of(pool, tried, true);
  CHECK(picks.size() >= std::min(count, weighted.members));
  CHECK(picks.size() <= choice_of(pool, tried, false).members);
  std::set<std::uint32_t> domains;
  auto spread = std::min(count, weighted.domains);
  for (std::size_t i = 0; i < spread && i < picks.size(); ++i)
    if (picks[i] < pool.size())
      domains.insert(pool.members[picks[i]].domain);
  CHECK_MESSAGE(domains.size() == spread, "used a domain again while another was unused");
  return picks;
}

/// Calls of all kinds while members join, leave, die, get loaded and come back, as a seed decides.
/// Each pick is checked. @returns the picks as text.
inline std::string picks_under_change(const balancer_maker& make, std::uint64_t seed) {
  spi::random_source random{seed};
  auto balancer = make(seed);
  pool_fixture pool;
  std::string text;
  pool.update(*balancer);
  auto any = [&] { return static_cast<slot>(random.below(pool.size())); };
  auto change_members = [&] {
    if (pool.size() > 0 && random.chance(0.3))
      pool.leave(any());
    for (auto joining = random.below(4); joining > 0; --joining) {
      auto& member = pool.join(random.chance(0.1) ? 0 : 0.1 + 3 * random.unit());
      member.domain = static_cast<std::uint32_t>(random.below(5));
      member.capacity = random.below(1 << 20);
      pool.free_bytes.back() = random.below(1 << 20);
    }
    for (auto exchanges = random.below(4); exchanges > 0 && pool.size() > 0; --exchanges)
      pool.exchange(any(), any());
    pool.update(*balancer);
  };
  for (int step = 0; step < 120; ++step) {
    pool.now += std::chrono::microseconds{random.below(20'000)};
    if (step % 10 == 0)
      change_members();
    if (pool.size() == 0)
      continue;
    pool.available[any()] = random.chance(0.7);
    pool.in_flight[any()] = static_cast<std::uint32_t>(random.below(20));
    pool.reported_in_flight[any()] = static_cast<std::uint32_t>(random.below(20));
    pool.latency[any()] = static_cast<float>(1000 * random.unit());
    std::vector<slot> tried;
    while (random.chance(0.3))
      tried.push_back(any()); // now and then twice the same
    text += std::to_string(checked_pick(*balancer, pool, random.next(), tried)) + " ";
    for (auto who : checked_picks(*balancer, pool, 1 + random.below(6), random.next(), tried))
      text += std::to_string(who) + ",";
    std::chrono::microseconds took{random.below(50'000)};
    balancer->observe(any(), {random.chance(0.8), took}, pool.now);
    std::vector<slot> whom(3, no_slot);
    auto wanted = balancer->wanted_probes(pool.now, pool.facts(), whom);
    CHECK(wanted <= whom.size());
    for (std::size_t i = 0; i < std::min(wanted, whom.size()); ++i) {
      REQUIRE(whom[i] < pool.size());
      balancer->on_probe(whom[i], {static_cast<std::uint32_t>(random.below(9)), took}, pool.now);
    }
  }
  return text;
}

inline void check_odd_pools(const balancer_maker& make) {
  auto balancer = make(1);
  SUBCASE("an empty pool gives no pick") {
    pool_fixture pool;
    pool.update(*balancer);
    CHECK(checked_pick(*balancer, pool, 0) == no_slot);
    CHECK(checked_picks(*balancer, pool, 3, 0).empty());
  }
  SUBCASE("the only member gets all picks, and none when it is down or was tried") {
    pool_fixture pool{1};
    pool.update(*balancer);
    for (std::uint64_t key = 0; key < 20; ++key)
      CHECK(checked_pick(*balancer, pool, key) == 0);
    CHECK(checked_picks(*balancer, pool, 3, 0) == std::vector<slot>{0});
    CHECK(checked_pick(*balancer, pool, 0, std::vector<slot>{0}) == no_slot);
    pool.available[0] = 0;
    CHECK(checked_pick(*balancer, pool, 0) == no_slot);
    CHECK(checked_picks(*balancer, pool, 3, 0).empty());
  }
  SUBCASE("a pool of which all members are down gives no pick") {
    auto pool = pool_fixture::in_domains("xxyz");
    pool.update(*balancer);
    pool.available.assign(4, 0);
    CHECK(checked_pick(*balancer, pool, 0) == no_slot);
    CHECK(checked_picks(*balancer, pool, 3, 0).empty());
  }
  SUBCASE("weights that are all 0 give a legal pick or none") {
    auto pool = pool_fixture::weighing({0, 0, 0});
    pool.update(*balancer);
    for (std::uint64_t key = 0; key < 20; ++key)
      checked_pick(*balancer, pool, key);
    checked_picks(*balancer, pool, 2, 0);
  }
  SUBCASE("very large and very small weights give legal picks") {
    auto pool = pool_fixture::weighing({1e308, 1e308, 1e-308, 5e-324, 1});
    pool.update(*balancer);
    for (std::uint64_t key = 0; key < 20; ++key)
      checked_pick(*balancer, pool, key);
    checked_picks(*balancer, pool, 5, 0);
  }
  SUBCASE("all but one tried leaves that one") {
    pool_fixture pool{50};
    pool.update(*balancer);
    for (slot left : {0, 17, 49}) {
      std::vector<slot> tried;
      for (slot who = 50; who-- > 0;)
        if (who != left)
          tried.push_back(who);
      CHECK(checked_pick(*balancer, pool, left, tried) == left);
      CHECK(checked_picks(*balancer, pool, 3, 0, tried) == std::vector<slot>{left});
    }
  }
}

inline void check_several_picks(const balancer_maker& make) {
  auto balancer = make(1);
  SUBCASE("more places than members: each member once") {
    auto pool = pool_fixture::in_domains("xxy");
    pool.update(*balancer);
    CHECK(checked_picks(*balancer, pool, 100, 0).size() == 3);
  }
  SUBCASE("as many domains as places: each place another domain; fewer: all places filled") {
    for (auto letters : {"vwxyz", "xxxxy", "xxyyzz", "xxxx", "aabbccddee"}) {
      auto pool = pool_fixture::in_domains(letters);
      pool.update(*balancer);
      for (std::size_t count = 1; count <= pool.size(); ++count)
        for (std::uint64_t key = 0; key < 20; ++key)
          CHECK(checked_picks(*balancer, pool, count, key).size() == count);
    }
  }
  SUBCASE("the other member of a dead member's domain is picked") {
    auto pool = pool_fixture::in_domains("xxy");
    pool.update(*balancer);
    pool.available[0] = 0;
    CHECK(checked_picks(*balancer, pool, 2, 0).size() == 2);
  }
}

/// Picks of a pool of `size` members allocate nothing; `pick_many` may at its first call.
inline void check_allocations(const balancer_maker& make, std::size_t size) {
  auto balancer = make(1);
  pool_fixture pool{size};
  for (std::size_t i = 0; i < size; ++i)
    pool.members[i].domain = static_cast<std::uint32_t>(i % 7);
  pool.update(*balancer);
  auto facts = pool.facts();
  std::vector<slot> tried{1}, picks(3);
  balancer->pick_many({.tried = tried}, facts, picks);
  auto before = allocations;
  for (std::uint64_t key = 0; key < 300; ++key) {
    pool.now += std::chrono::milliseconds{1};
    pool.available[key % size] ^= 1;
    spi::pick_request request{key, pool.now, tried};
    auto who = balancer->pick(request, facts);
    balancer->pick_many(request, facts, picks);
    if (who < size)
      balancer->observe(who, {key % 5 != 0, std::chrono::microseconds{key}}, pool.now);
  }
  CHECK(allocations == before);
}

/// What no strategy may get wrong, with whatever options `make` gives it.
inline void check_common_rules(const balancer_maker& make) {
  check_odd_pools(make);
  check_several_picks(make);
  SUBCASE("picks are right whatever joins, leaves, dies and comes back") {
    for (std::uint64_t seed = 0; seed < 40; ++seed)
      picks_under_change(make, seed);
  }
  SUBCASE("the same seed and calls give the same picks") {
    for (std::uint64_t seed = 100; seed < 105; ++seed)
      CHECK(picks_under_change(make, seed) == picks_under_change(make, seed));
  }
  SUBCASE("picks allocate no memory") {
    check_allocations(make, 10);
    check_allocations(make, 1000);
  }
  SUBCASE("a member that dies gets nothing from then on, and picks again when it is back") {
    auto balancer = make(1);
    pool_fixture pool{4};
    pool.update(*balancer);
    tally(*balancer, pool, 40);
    pool.available[2] = 0;
    CHECK(tally(*balancer, pool, 2000)[2] == 0);
    CHECK(tally(*balancer, pool, 2000, 3)[2] == 0);
    pool.available[2] = 1;
    auto others = std::vector<slot>{0, 1, 3};
    CHECK(checked_pick(*balancer, pool, 0, others) == 2);
  }
  SUBCASE("members that are new at every call are picked like any") {
    auto balancer = make(1);
    for (std::uint64_t call = 0; call < 2000; ++call) {
      pool_fixture pool{3};
      for (auto& member : pool.members)
        member.id += 3 * call;
      pool.update(*balancer);
      CHECK(checked_pick(*balancer, pool, call) != no_slot);
    }
  }
}

} // namespace balancer_test
