#include "balancer_shares.hpp"

#include "member_lists.hpp"
#include "recorder.hpp"
#include "share_meter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>
#include <vector>

namespace atl::verify::shares {

namespace {

using properties::slot_list;

constexpr std::size_t calls = 6'000; ///< that are measured after each change

/// How many members each call asks for, again and again; 0 means `pick`.
using call_pattern = std::vector<std::size_t>;

const call_pattern singly{0}, two_at_once{2};

/// What is wrong, and when.
finding when(const finding& wrong, const std::string& circumstances) {
  return wrong ? finding{*wrong + ", " + circumstances} : std::nullopt;
}

/// One balancer, and a host whose requests all succeed.
class host {
 public:
  host(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed)
      : balancer_{make(seed)}, traits_{traits}, random_{seed} {}

  spi::random_source& random() { return random_; }

  /// Calls that aren't measured. `result_of(id)` says how each request ends.
  template <class ResultOf>
  void warm_up(const member_list& all, std::size_t picks_each, ResultOf&& result_of) {
    balancer_.use(all);
    for (std::size_t call = 0; call < picks_each * all.size(); ++call)
      for (auto who : picks(0))
        balancer_.observe(who, result_of(all[who].id));
  }
  void warm_up(const member_list& all) { warm_up(all, settling_picks, success); }

  template <class ResultOf>
  finding measure(const member_list& all, const call_pattern& pattern, std::size_t times,
                  ResultOf&& result_of) {
    balancer_.use(all);
    share_meter meter{all.size()};
    std::vector<std::size_t> number(all.size());
    std::iota(number.begin(), number.end(), std::size_t{0});
    std::vector<std::vector<due_share>> due;
    for (auto count : pattern)
      due.push_back(due_shares(all, count, traits_));
    for (std::size_t call = 0; call < times; ++call) {
      auto turn = call % pattern.size();
      meter.add_due(due[turn], number);
      for (auto who : picks(pattern[turn])) {
        meter.add_pick(who);
        balancer_.observe(who, result_of(all[who].id));
      }
    }
    return meter.compare(all);
  }
  finding measure(const member_list& all, const call_pattern& pattern, std::size_t times = calls) {
    return measure(all, pattern, times, success);
  }

  /// Measures this list with single picks, and with two at once.
  finding measure_both(const member_list& all) {
    auto wrong = measure(all, singly);
    return wrong ? wrong : measure(all, two_at_once);
  }

  /// Measures each list, after some picks that it may take to get used to it.
  finding follow(const std::vector<member_list>& lists) {
    for (std::size_t i = 0; i < lists.size(); ++i) {
      warm_up(lists[i]);
      if (auto wrong = measure_both(lists[i]))
        return when(wrong, i == 0 ? "before any change" : "after change " + std::to_string(i));
    }
    return std::nullopt;
  }

  /// Measures picks from `all` told in another order every few calls: `reorder` changes the order,
  /// a list of positions in `all`.
  template <class Reorder>
  finding measure_reordered(const member_list& all, Reorder&& reorder) {
    constexpr std::size_t calls_each = 7;
    share_meter meter{all.size()};
    auto due = due_shares(all, 0, traits_);
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<std::size_t> in_order = order;
    for (std::size_t call = 0; call < calls; ++call) {
      if (call % calls_each == 0) {
        reorder(order);
        member_list list;
        for (auto position : order)
          list.push_back(all[position]);
        balancer_.use(list);
      }
      meter.add_due(due, in_order);
      for (auto who : picks(0))
        meter.add_pick(order[who]);
    }
    return meter.compare(all);
  }

 private:
  static spi::outcome success(std::uint64_t) { return {true, std::chrono::milliseconds{1}}; }

  /// @throws broken if a pick is no slot
  slot_list picks(std::size_t count) {
    auto key = random_.next();
    auto picked = count > 0 ? balancer_.pick_many(count, key) : slot_list{balancer_.pick(key)};
    std::erase(picked, spi::no_slot);
    for (auto who : picked)
      if (who >= balancer_.size())
        throw broken(fmt::format("it picks slot {} of {}", who, balancer_.size()));
    return picked;
  }

  properties::balancer_driver balancer_;
  balancer_traits traits_;
  spi::random_source random_;
};

} // namespace

finding over_many_picks(const balancer_maker& make, const balancer_traits& traits,
                        std::uint64_t seed) {
  const member_list groups[] = {
      group({1, 1, 1}),
      group({1, 2, 3, 4}),
      group({5, 1, 1, 1}, "xxyy"),
      group({1, 1, 1, 1, 1, 1}, "xxyyzz"),
      with_wide_ids(group({1, 2, 3, 1})),
      group({0.5, 1.25, 0.75}),
      group({0.01, 0.02, 0.03, 0.04}),
      group({1e300, 2e300, 1e300}),
      group({1.5e308, 1.5e308, 1.5e308}),
      group({1e-300, 3e-300, 1e-300}),
      group({1, 0, 2, 1}),
      group({1e6, 1, 1e6}),
  };
  const std::pair<call_pattern, const char*> patterns[] = {
      {singly, "picking one at a time"},
      {two_at_once, "picking two at a time"},
      {{0, 2, 1}, "picking one, two and one in turn"}};
  for (auto& all : groups)
    for (auto& [pattern, name] : patterns)
      if (auto wrong = host{make, traits, seed}.measure(all, pattern))
        return when(wrong, name);
  return std::nullopt;
}

finding whatever_the_facts(const balancer_maker& make, const balancer_traits& traits,
                           std::uint64_t seed) {
  for (auto which : all_facts)
    for (auto& all : {group({1, 1, 1}), group({4, 3, 2, 1})})
      if (auto wrong = host{make, traits, seed}.measure_both(differing_in(which, all)))
        return when(wrong, fmt::format("while the members differ in {}", name_of(which)));
  return std::nullopt;
}

finding with_one_dead(const balancer_maker& make, const balancer_traits& traits,
                      std::uint64_t seed) {
  for (auto& all : {group({1, 1, 1, 1}), group({4, 3, 2, 1}), group({1, 2, 2, 5})})
    for (std::size_t dead = 0; dead < all.size(); ++dead)
      if (auto wrong = host{make, traits, seed}.measure_both(with_dead(all, {dead})))
        return when(wrong, fmt::format("with member {} unavailable", dead + 1));
  return std::nullopt;
}

finding after_other_weights(const balancer_maker& make, const balancer_traits& traits,
                            std::uint64_t seed) {
  host it{make, traits, seed};
  if (auto wrong = it.follow({group({1, 1, 1}), group({1e6, 1, 1}), group({1, 1, 1}),
                              group({3, 2, 1}), group({1e9, 2e9, 3e9}), group({0.3, 0.2, 0.1})}))
    return wrong;
  it.warm_up(group({1.7e308, 1.7e308, 0}));
  it.warm_up(group({0, 0, 0}));
  it.warm_up(group({5e-324, 5e-324, 1.7e308}));
  it.warm_up(group({1, 2, 3}));
  return when(it.measure_both(group({1, 2, 3})), "after the greatest weights, the least, and none");
}

finding after_deaths(const balancer_maker& make, const balancer_traits& traits,
                     std::uint64_t seed) {
  auto all = group({4, 3, 2, 1});
  return host{make, traits, seed}.follow(
      {all, with_dead(all, {0}), all, with_dead(all, {1, 3}), with_dead(all, {0, 2}), all});
}

finding after_joins(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed) {
  auto all = group({1, 2, 1, 3, 1, 2});
  return host{make, traits, seed}.follow({only(all, {0, 1, 2}), only(all, {0, 1, 2, 3}),
                                          only(all, {1, 2, 3, 4, 5}), only(all, {0, 5}), all});
}

finding in_any_order(const balancer_maker& make, const balancer_traits& traits,
                     std::uint64_t seed) {
  for (auto& all : {group({1, 1, 1, 1, 1}), group({4, 3, 2, 1})}) {
    auto turned = host{make, traits, seed}.measure_reordered(
        all, [](auto& order) { std::rotate(order.begin(), order.begin() + 1, order.end()); });
    if (turned)
      return when(turned, "when the list is turned by one every few picks");
    host it{make, traits, seed};
    auto shuffled = it.measure_reordered(all, [&](auto& order) {
      for (auto left = order.size(); left > 1; --left)
        std::swap(order[left - 1], order[it.random().below(left)]);
    });
    if (shuffled)
      return when(shuffled, "when the list is shuffled every few picks");
  }
  return std::nullopt;
}

finding whatever_the_outcomes(const balancer_maker& make, const balancer_traits& traits,
                              std::uint64_t seed) {
  for (auto& all : {group({1, 1, 1, 1}), group({1, 2, 3, 4})}) {
    host it{make, traits, seed};
    auto failing = all[it.random().below(all.size())].id;
    auto slow = failing % all.size() + 1;
    auto result_of = [&](std::uint64_t id) {
      return spi::outcome{id != failing, std::chrono::milliseconds{id == slow ? 50 : 1}};
    };
    it.warm_up(all, settling_picks, result_of);
    for (auto& pattern : {singly, two_at_once})
      if (auto wrong = it.measure(all, pattern, calls, result_of))
        return when(wrong, fmt::format("while requests to member {} fail, and those to member {} "
                                       "are slow",
                                       failing, slow));
  }
  return std::nullopt;
}

finding of_many(const balancer_maker& make, const balancer_traits& traits, std::size_t size,
                std::uint64_t seed) {
  auto all = equals(size);
  for (std::size_t i = 0; i < size; ++i) {
    all[i].weight = size <= 100 ? static_cast<double>(1 + i % 2) : 1;
    all[i].available = i % 10 != 7;
  }
  if (auto wrong =
          host{make, traits, seed}.measure(all, singly, std::max<std::size_t>(30 * size, 20'000)))
    return wrong;
  return when(host{make, traits, seed}.measure(all, {10}, 1'000), "picking ten at a time");
}

} // namespace atl::verify::shares
