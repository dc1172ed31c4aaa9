#include "balancer_costs.hpp"

#include "allocation_meter.hpp"
#include "growth.hpp"
#include "member_lists.hpp"
#include "memory_use.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

namespace atl::verify::costs {

namespace {

using properties::balancer_driver;

constexpr std::uint64_t first_new_id = std::uint64_t{1} << 40;

/// Sixteen times as many members may take a hundred times as long, but not 256 times.
constexpr growth_limit sixteen_times{250, 4'000, 100};

member_list three_weights(std::size_t size) {
  std::vector<double> weights(size);
  for (std::size_t i = 0; i < size; ++i)
    weights[i] = static_cast<double>(1 + i % 3);
  return group(weights);
}

finding over(const finding& grows, const char* what) {
  return grows ? finding{*grows + ", over " + what} : std::nullopt;
}

void pick_and_observe(balancer_driver& balancer, std::uint64_t key, std::uint64_t call) {
  if (call % 4 == 0)
    balancer.pick_many(2, key);
  else
    balancer.pick(key);
  balancer.wanted_probes(2);
  auto who = static_cast<spi::slot>(call % balancer.size());
  balancer.observe(who, {call % 7 != 0, std::chrono::milliseconds{1 + call % 5}});
}

} // namespace

finding keeps_within_memory(const balancer_maker& make, std::uint64_t calls) {
  auto all = three_weights(5);
  balancer_driver balancer{make(1)};
  balancer.use(all);
  spi::random_source random{1};
  auto pick = [&](std::uint64_t call) { pick_and_observe(balancer, random.next(), call); };
  if (auto wrong = over(memory_grows(calls, pick), "picks whose keys are all different"))
    return wrong;
  auto report = [&](std::uint64_t call) {
    auto who = static_cast<spi::slot>(call % all.size());
    balancer.observe(who, {call % 2 == 0, std::chrono::microseconds{call}});
    balancer.on_probe(who, {static_cast<std::uint32_t>(call), std::chrono::microseconds{call}});
  };
  if (auto wrong = over(memory_grows(calls, report), "outcomes and results of probes"))
    return wrong;
  // An update may take long, so there are few, which exchange many members each; 16,384 members
  // that are kept would be more than this.
  constexpr std::uint64_t updates = 64;
  constexpr std::int64_t growth_max = 256 << 10;
  auto many = three_weights(256);
  std::uint64_t id = first_new_id;
  auto renew = [&](std::uint64_t call) {
    for (auto& member : many) {
      member.id = ++id;
      member.domain = static_cast<std::uint32_t>(id / 4);
    }
    balancer.use(many);
    for (std::uint64_t i = 0; i < many.size(); ++i)
      pick_and_observe(balancer, random.next(), call * many.size() + i);
  };
  return over(memory_grows(updates, renew, growth_max), "members that come and go");
}

finding picks_without_allocating(const balancer_maker& make, std::uint64_t seed) {
  constexpr int first_calls = 1'000, counted_calls = 1'000;
  constexpr std::size_t picks_max = 8; // in a call of `pick_many`
  spi::random_source random{seed};
  for (std::size_t size : {5, 100}) {
    balancer_driver balancer{make(seed)};
    auto all = random_members(random, size, 4, false);
    std::uint64_t allocations = 0, by_many = 0; // of `pick`, of `pick_many`
    std::array<spi::slot, picks_max> places{};
    for (int call = 0; call < first_calls + counted_calls; ++call) {
      if (random.chance(0.1)) {
        auto& member = all[random.below(all.size())];
        member.available = !member.available;
      }
      draw_facts(random, all, false);
      balancer.use(all);
      auto tried = static_cast<spi::slot>(random.below(size));
      auto before = allocation_count();
      auto picked = balancer.pick(random.next(), {&tried, random.below(2)});
      auto between = allocation_count();
      balancer.fill(std::span{places}.first(1 + random.below(places.size())), random.next(),
                    {&tried, random.below(2)});
      if (call >= first_calls) {
        allocations += between - before;
        by_many += allocation_count() - between;
      }
      if (picked < all.size())
        balancer.observe(picked, {random.chance(0.9), std::chrono::milliseconds{random.below(50)}});
      for (auto who : balancer.wanted_probes(2))
        if (who < all.size())
          balancer.on_probe(who, {all[who].in_flight, std::chrono::milliseconds{1}});
    }
    for (auto& [count, function] : {std::pair{allocations, "pick"}, {by_many, "pick_many"}})
      if (count > 0)
        return fmt::format("allocates memory {} times in {} calls of {} among {} members, after "
                           "{} calls with the same list",
                           count, counted_calls, function, size, first_calls);
  }
  return std::nullopt;
}

finding picks_in_time(const balancer_maker& make) {
  std::map<std::size_t, balancer_driver> balancers;
  std::uint64_t key = 0;
  auto pick_some = [&](std::size_t size) {
    for (int call = 0; call < 8; ++call)
      balancers.at(size).pick(++key);
  };
  for (auto size : {sixteen_times.small, sixteen_times.large}) {
    balancers.emplace(size, make(1)).first->second.use(three_weights(size));
    pick_some(size); // the first pick after an update may build a table
  }
  return grows_too_fast(sixteen_times, 20, pick_some);
}

finding updates_in_time(const balancer_maker& make) {
  std::map<std::size_t, std::vector<member_list>> lists; // two each, to be told in turn
  for (auto size : {sixteen_times.small, sixteen_times.large}) {
    auto list = three_weights(size);
    lists[size].push_back(list);
    list.pop_back();
    lists[size].push_back(list);
  }
  balancer_driver balancer{make(1)};
  auto wrong = grows_too_fast(sixteen_times, 4, [&](std::size_t size) {
    for (auto& list : lists[size])
      balancer.use(list);
  });
  return wrong ? finding{"in an update it " + *wrong} : std::nullopt;
}

} // namespace atl::verify::costs
