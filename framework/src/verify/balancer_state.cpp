#include "balancer_state.hpp"

#include "growth.hpp"
#include "memory_use.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <vector>

namespace atl::verify::balancer_state {

namespace {

using properties::candidates;

/// One balancer and all that its seed decides about its calls.
class scripted_calls {
 public:
  scripted_calls(const balancer_maker& make, std::uint64_t seed)
      : chance_{seed}, balancer_{make(seed)} {}

  void step() {
    if (calls_++ % 10 == 0)
      all_ = properties::random_candidates(chance_, chance_.below(12), chance_.below(5), true);
    auto key = chance_.next();
    if (chance_.chance(0.7)) {
      add(balancer_->pick(all_, key).value_or(all_.size()));
    } else {
      for (auto i : balancer_->pick_many(all_, chance_.below(5), key))
        add(i);
    }
    if (!all_.empty())
      balancer_->observe(all_[chance_.below(all_.size())].id,
                         {chance_.chance(0.8), std::chrono::microseconds{chance_.below(9999)}});
  }

  std::string text() const { return fmt::format("{:016x}\n", hash_); }

 private:
  /// FNV-1a.
  void add(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3; }

  spi::random_source chance_;
  std::unique_ptr<spi::balancer> balancer_;
  candidates all_;
  std::uint64_t calls_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

constexpr int steps = 200;

candidates healthy(std::size_t size) {
  candidates all(size);
  for (std::size_t i = 0; i < size; ++i) {
    all[i].id = 1 + i;
    all[i].weight = static_cast<double>(1 + i % 3);
  }
  return all;
}

bool ignores_keys(const balancer_maker& make, const candidates& all, std::uint64_t seed) {
  spi::random_source random{seed};
  auto with_keys = make(seed), without = make(seed);
  for (int call = 0; call < 50; ++call)
    if (with_keys->pick(all, random.next()) != without->pick(all, 0))
      return false;
  return true;
}

} // namespace

std::string picks_as_text(const balancer_maker& make, std::uint64_t first, std::uint64_t seeds) {
  std::string text;
  for (auto seed = first; seed < first + seeds; ++seed) {
    scripted_calls calls{make, seed};
    for (int i = 0; i < steps; ++i)
      calls.step();
    text += calls.text();
  }
  return text;
}

std::string picks_in_turn(const balancer_maker& make, std::uint64_t first, std::uint64_t seeds) {
  std::vector<std::unique_ptr<scripted_calls>> all;
  for (auto seed = first; seed < first + seeds; ++seed)
    all.push_back(std::make_unique<scripted_calls>(make, seed));
  for (int i = 0; i < steps; ++i)
    for (auto& calls : all)
      calls->step();
  std::string text;
  for (auto& calls : all)
    text += calls->text();
  return text;
}

finding keeps_keys(const balancer_maker& make, std::uint64_t seed) {
  auto all = healthy(5);
  if (ignores_keys(make, all, seed))
    return std::nullopt;
  spi::random_source random{seed};
  auto balancer = make(seed);
  std::vector<std::uint64_t> keys(64);
  std::vector<std::optional<std::size_t>> nodes;
  for (auto& key : keys) {
    key = random.next();
    nodes.push_back(balancer->pick(all, key));
  }
  for (int check = 0; check < 128; ++check) {
    auto i = random.below(keys.size());
    if (balancer->pick(all, keys[i]) != nodes[i])
      return fmt::format(
          "looks at keys, and picks another candidate for key {} than before, though "
          "the candidates are the same and no outcome came",
          keys[i]);
  }
  return std::nullopt;
}

finding keeps_within_memory(const balancer_maker& make, std::uint64_t calls) {
  auto all = healthy(5);
  auto balancer = make(1);
  spi::random_source random{1};
  auto over = [](const finding& grows, const char* what) {
    return grows ? finding{*grows + ", over " + what} : std::nullopt;
  };
  auto pick = [&](std::uint64_t call) {
    auto key = random.next();
    auto picked = call % 4 == 0 ? balancer->pick_many(all, 2, key).size()
                                : std::size_t{balancer->pick(all, key).has_value()};
    if (picked > 0)
      balancer->observe(all[call % all.size()].id, {call % 7 != 0, std::chrono::milliseconds{1}});
  };
  if (auto wrong = over(memory_grows(calls, pick), "picks whose keys are all different"))
    return wrong;
  auto observe = [&](std::uint64_t call) {
    balancer->observe(1'000'000 + call, {call % 2 == 0, std::chrono::milliseconds{1}});
  };
  if (auto wrong = over(memory_grows(calls, observe), "outcomes of nodes that are all different"))
    return wrong;
  auto renew = [&](std::uint64_t call) {
    auto& newcomer = all[call % all.size()];
    newcomer.id = (std::uint64_t{1} << 40) + call;
    if (call % 4 == 0)
      newcomer.domain = "rack " + std::to_string(call);
    pick(call);
  };
  return over(memory_grows(calls, renew), "candidates that come and go");
}

finding picks_in_time(const balancer_maker& make) {
  constexpr growth_limit limit{250, 4'000, 100}; // 16 times as many
  std::map<std::size_t, candidates> lists;
  for (auto size : {limit.small, limit.large})
    lists[size] = healthy(size);
  auto balancer = make(1);
  std::uint64_t key = 0;
  return grows_too_fast(limit, 20, [&](std::size_t size) {
    for (int call = 0; call < 4; ++call)
      balancer->pick(lists[size], ++key);
  });
}

} // namespace atl::verify::balancer_state
