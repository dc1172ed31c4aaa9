#include "balancer_state.hpp"

#include "balancer_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace atl::verify::balancer_state {

namespace {

/// One balancer and all that its seed decides about its calls.
class scripted_calls {
 public:
  scripted_calls(const balancer_maker& make, std::uint64_t seed)
      : random_{seed}, balancer_{make(seed)}, script_{random_, {12, 4}} {}

  void step() {
    script_.change();
    balancer_.use(script_.members());
    auto tried = script_.draw_tried();
    auto key = random_.next();
    if (random_.chance(0.7)) {
      add(balancer_.pick(key, tried));
    } else {
      for (auto who : balancer_.pick_many(1 + random_.below(4), key, tried))
        add(who);
    }
    for (auto who : balancer_.wanted_probes(3))
      add(who);
    script_.report_to({&balancer_});
  }

  std::string text() const { return fmt::format("{:016x}\n", hash_); }

 private:
  /// FNV-1a.
  void add(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3; }

  spi::random_source random_;
  properties::balancer_driver balancer_;
  properties::balancer_script script_;
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

constexpr int steps = 100;

} // namespace

std::uint64_t seeds_in_budget(const tested_balancer& it) {
  auto seeds_max = std::min<std::uint64_t>(it.how.seeds, 20);
  auto seconds_before = it.work->seconds();
  picks_as_text(it.make, it.how.first, 1);
  auto seconds_each = it.work->seconds() - seconds_before;
  if (seconds_each * static_cast<double>(seeds_max) <= it.budget.seconds)
    return seeds_max;
  auto seeds = static_cast<std::uint64_t>(it.budget.seconds / seconds_each);
  return std::min(seeds_max, std::max(seeds, it.budget.seeds_min));
}

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

} // namespace atl::verify::balancer_state
