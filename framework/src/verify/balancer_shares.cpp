#include "balancer_shares.hpp"

#include "candidate_lists.hpp"
#include "share_meter.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>

namespace atl::verify::shares {

namespace {

constexpr std::size_t calls = 6'000; ///< that are measured after each change

/// How many candidates each call asks for, again and again; 0 means `pick`.
using call_pattern = std::vector<std::size_t>;

const call_pattern singly{0}, two_at_once{2};

/// What is wrong, and when.
finding when(const finding& wrong, const std::string& circumstances) {
  return wrong ? finding{*wrong + ", " + circumstances} : std::nullopt;
}

/// One balancer, and a host that calls it.
class host {
 public:
  host(const balancer_maker& make, const balancer_traits& traits, std::uint64_t seed)
      : balancer_{make(seed)}, traits_{traits}, random_{seed} {}

  spi::random_source& random() { return random_; }

  std::vector<std::size_t> picks(const candidates& all, std::size_t count) {
    auto key = random_.next();
    if (count > 0)
      return balancer_->pick_many(all, count, key);
    auto picked = balancer_->pick(all, key);
    return picked ? std::vector<std::size_t>{*picked} : std::vector<std::size_t>{};
  }

  /// Calls that aren't measured. `succeeds(id)` says how each request ends.
  template <class Succeeds>
  void warm_up(const candidates& all, std::size_t picks_each, Succeeds&& succeeds) {
    for (std::size_t call = 0; call < picks_each * all.size(); ++call)
      for (auto i : picks(all, 0))
        observe(all[i].id, succeeds(all[i].id));
  }
  void warm_up(const candidates& all, std::size_t picks_each) {
    warm_up(all, picks_each, [](auto) { return true; });
  }

  void observe(std::uint64_t id, bool ok) {
    balancer_->observe(id, {ok, std::chrono::microseconds{1'000}});
  }

  finding measure(const candidates& all, const call_pattern& pattern, std::size_t times = calls) {
    share_meter meter{all.size()};
    std::vector<std::size_t> number(all.size());
    std::iota(number.begin(), number.end(), std::size_t{0});
    std::vector<std::vector<due_share>> due;
    for (auto count : pattern)
      due.push_back(due_shares(all, count, traits_));
    for (std::size_t call = 0; call < times; ++call) {
      auto turn = call % pattern.size();
      meter.add_due(due[turn], number);
      for (auto i : picks(all, pattern[turn])) {
        meter.add_pick(i);
        observe(all[i].id, true);
      }
    }
    return meter.compare(all);
  }

  /// Measures this list with single picks, and with two at once.
  finding measure_both(const candidates& all) {
    auto wrong = measure(all, singly);
    return wrong ? wrong : measure(all, two_at_once);
  }

  /// Measures each list, after some picks that it may take to get used to it.
  finding follow(const std::vector<candidates>& lists) {
    for (std::size_t i = 0; i < lists.size(); ++i) {
      warm_up(lists[i], settling_picks);
      if (auto wrong = measure_both(lists[i]))
        return when(wrong, i == 0 ? "before any change" : "after change " + std::to_string(i));
    }
    return std::nullopt;
  }

  /// Measures calls whose lists are parts of `all`, or all of it in another order: `choose(call)`
  /// gives the numbers of those that are listed.
  template <class Choose>
  finding measure_lists(const candidates& all, Choose&& choose) {
    share_meter meter{all.size()};
    std::map<std::vector<std::size_t>, std::vector<due_share>> known;
    for (std::size_t call = 0; call < calls; ++call) {
      std::vector<std::size_t> numbers = choose(call);
      candidates list;
      for (auto number : numbers)
        list.push_back(all[number]);
      auto [due, is_new] = known.try_emplace(numbers);
      if (is_new)
        due->second = due_shares(list, 0, traits_);
      meter.add_due(due->second, numbers);
      for (auto i : picks(list, 0))
        meter.add_pick(numbers[i]);
    }
    return meter.compare(all);
  }

 private:
  std::unique_ptr<spi::balancer> balancer_;
  balancer_traits traits_;
  spi::random_source random_;
};

void shuffle(std::vector<std::size_t>& order, spi::random_source& random) {
  for (auto left = order.size(); left > 1; --left)
    std::swap(order[left - 1], order[random.below(left)]);
}

} // namespace

finding over_many_picks(const balancer_maker& make, const balancer_traits& traits,
                        std::uint64_t seed) {
  const candidates groups[] = {
      group({1, 1, 1}),
      group({1, 2, 3, 4}),
      group({5, 1, 1, 1}, "xxyy"),
      group({1, 1, 1, 1, 1, 1}, "xxyyzz"),
      loaded(group({1, 1, 1})),
      loaded(group({4, 3, 2, 1})),
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

finding with_one_dead(const balancer_maker& make, const balancer_traits& traits,
                      std::uint64_t seed) {
  for (auto& all : {group({1, 1, 1, 1}), group({4, 3, 2, 1}), loaded(group({1, 2, 2, 5}))})
    for (std::size_t dead = 0; dead < all.size(); ++dead)
      if (auto wrong = host{make, traits, seed}.measure_both(with_dead(all, {dead})))
        return when(wrong, "with candidate " + std::to_string(dead + 1) + " dead");
  return std::nullopt;
}

finding after_other_weights(const balancer_maker& make, const balancer_traits& traits,
                            std::uint64_t seed) {
  host it{make, traits, seed};
  if (auto wrong = it.follow({group({1, 1, 1}), group({1e6, 1, 1}), group({1, 1, 1}),
                              group({3, 2, 1}), group({1e9, 2e9, 3e9}), group({0.3, 0.2, 0.1})}))
    return wrong;
  it.warm_up(group({INFINITY, NAN, -1}), settling_picks);
  it.warm_up(group({1e308, INFINITY, 1e308}), settling_picks);
  it.warm_up(group({1, 2, 3}), settling_picks);
  return when(it.measure_both(group({1, 2, 3})), "after weights that are no numbers");
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
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (auto step : {std::ptrdiff_t{1}, static_cast<std::ptrdiff_t>(all.size()) - 1}) {
      auto turned = host{make, traits, seed}.measure_lists(all, [&](std::size_t) {
        std::rotate(order.begin(), order.begin() + step, order.end());
        return order;
      });
      if (turned)
        return when(turned, "when the list is turned by one at each call");
    }
    host it{make, traits, seed};
    auto shuffled = it.measure_lists(all, [&](std::size_t) {
      shuffle(order, it.random());
      return order;
    });
    if (shuffled)
      return when(shuffled, "when the list is shuffled at each call");
  }
  return std::nullopt;
}

finding of_changing_halves(const balancer_maker& make, const balancer_traits& traits,
                           std::uint64_t seed) {
  auto all = group({1, 1, 1, 1, 1, 1});
  host it{make, traits, seed};
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  return it.measure_lists(all, [&](std::size_t) {
    shuffle(order, it.random());
    std::vector<std::size_t> half(order.begin(), order.begin() + 3);
    std::sort(half.begin(), half.end());
    return half;
  });
}

finding after_failures(const balancer_maker& make, const balancer_traits& traits,
                       std::uint64_t seed) {
  for (auto& all : {group({1, 1, 1, 1}), group({1, 2, 3, 4})}) {
    host it{make, traits, seed};
    auto victim = all[it.random().below(all.size())].id;
    it.warm_up(all, settling_picks);
    it.warm_up(all, settling_picks, [&](auto id) { return id != victim; });
    for (int i = 0; i < 20; ++i) // requests that were sent before
      it.observe(victim, false);
    it.warm_up(all, forgiving_picks);
    if (auto wrong = it.measure_both(all))
      return when(wrong, "long after requests to candidate " + std::to_string(victim) + " failed");
    it.warm_up(all, settling_picks, [](auto) { return false; });
    it.warm_up(all, forgiving_picks);
    if (auto wrong = it.measure_both(all))
      return when(wrong, "long after requests to all candidates failed");
  }
  return std::nullopt;
}

finding of_many(const balancer_maker& make, const balancer_traits& traits, std::size_t size,
                std::uint64_t seed) {
  candidates all(size);
  for (std::size_t i = 0; i < size; ++i) {
    all[i].id = 1 + i;
    all[i].weight = size <= 100 ? static_cast<double>(1 + i % 2) : 1;
    all[i].healthy = i % 10 != 7;
  }
  if (auto wrong =
          host{make, traits, seed}.measure(all, singly, std::max<std::size_t>(26 * size, 20'000)))
    return wrong;
  return when(host{make, traits, seed}.measure(all, {10}, 1'000), "picking ten at a time");
}

} // namespace atl::verify::shares
