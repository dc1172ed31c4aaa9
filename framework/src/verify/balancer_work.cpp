#include "balancer_work.hpp"

#include "growth.hpp"
#include "member_lists.hpp"
#include "other_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <sstream>
#include <utility>

namespace atl::verify {

namespace {

constexpr std::size_t few = 5, many = 100;
constexpr int runs = 3; ///< the least of several counts
constexpr int picks_each = 64;

/// The least processor time of several runs, in nanoseconds.
double least_time(const std::function<void()>& work) {
  auto least = std::numeric_limits<double>::max();
  for (int run = 0; run < runs; ++run)
    least = std::min(least, 1e9 * processor_seconds(work));
  return least;
}

/// Rounds what the first members cost, and what each further one does.
call_cost cost_of(double for_few, double for_many) {
  auto for_each = std::max(for_many - for_few, 0.0) / (many - few);
  return {rounded_to_power_of_four(for_few), rounded_to_power_of_four(for_each)};
}

double update_time(const properties::balancer_maker& make, std::size_t size) {
  properties::balancer_driver balancer{make(1)};
  auto all = equals(size);
  return least_time([&] {
    all.back().id += size; // otherwise there is nothing to update
    balancer.use(all);
  });
}

double pick_time(const properties::balancer_maker& make, std::size_t size) {
  properties::balancer_driver balancer{make(1)};
  balancer.use(equals(size));
  std::uint64_t key = 0;
  return least_time([&] {
           for (int call = 0; call < picks_each; ++call)
             balancer.pick(++key);
         }) /
         picks_each;
}

/// Passes each call on.
class counted_balancer final : public spi::balancer {
 public:
  counted_balancer(std::shared_ptr<balancer_work> work, std::unique_ptr<spi::balancer> counted)
      : work_{std::move(work)}, counted_{std::move(counted)} {}

  void update(std::span<const spi::member> members) override {
    work_->add_update(members.size());
    counted_->update(members);
  }

  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override {
    work_->add_picks(facts.available.size(), 1);
    return counted_->pick(request, facts);
  }

  std::size_t pick_many(const spi::pick_request& request, const spi::member_facts& facts,
                        std::span<spi::slot> picks) override {
    auto members = facts.available.size();
    work_->add_picks(members, std::min(members, picks.size()));
    return counted_->pick_many(request, facts, picks);
  }

  void observe(spi::slot who, const spi::outcome& result, spi::timestamp now) override {
    counted_->observe(who, result, now);
  }

  std::size_t wanted_probes(spi::timestamp now, const spi::member_facts& facts,
                            std::span<spi::slot> whom) override {
    return counted_->wanted_probes(now, facts, whom);
  }

  void on_probe(spi::slot who, const spi::probe_result& result, spi::timestamp now) override {
    counted_->on_probe(who, result, now);
  }

 private:
  std::shared_ptr<balancer_work> work_;
  std::unique_ptr<spi::balancer> counted_;
};

} // namespace

double rounded_to_power_of_four(double nanoseconds) {
  return std::pow(4, std::round(std::log2(std::max(nanoseconds, 1.0)) / 2));
}

balancer_work balancer_work::measured(const properties::balancer_maker& make) {
  auto measure = [&] {
    return fmt::format("{} {} {} {}", update_time(make, few), update_time(make, many),
                       pick_time(make, few), pick_time(make, many));
  };
  std::istringstream times;
  try {
    times.str(in_other_process(measure));
  } catch (const std::exception&) {
    return {}; // a check finds the mistake
  }
  double update_few = 0, update_many = 0, pick_few = 0, pick_many = 0;
  times >> update_few >> update_many >> pick_few >> pick_many;
  return {cost_of(update_few, update_many), cost_of(pick_few, pick_many)};
}

properties::balancer_maker counted_in(const std::shared_ptr<balancer_work>& work,
                                      properties::balancer_maker make) {
  return [work, make = std::move(make)](std::uint64_t seed) -> std::unique_ptr<spi::balancer> {
    auto made = make(seed);
    if (!made)
      return nullptr; // whoever uses it says so
    return std::make_unique<counted_balancer>(work, std::move(made));
  };
}

} // namespace atl::verify
