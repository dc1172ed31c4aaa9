#include "verify/balancer_work.hpp"
#include "verify/growth.hpp"
#include "verify/member_lists.hpp"
#include "verify/tested_balancer.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>

using atl::properties::balancer_driver;
using atl::verify::balancer_work;
using atl::verify::equals;
using namespace atl::spi;

namespace {

constexpr double update_seconds = 0.002;

/// Takes at least `update_seconds` of processor time for an update.
struct slow_to_update : balancer {
  void update(std::span<const member>) override {
    double spent = 0;
    while (spent < update_seconds)
      spent += atl::verify::processor_seconds([this] {
        for (int i = 0; i < 1'000; ++i)
          steps_ = steps_ + 1;
      });
  }
  slot pick(const pick_request&, const member_facts&) override { return no_slot; }
  volatile int steps_ = 0;
};

struct throws_in_update : balancer {
  void update(std::span<const member>) override { throw std::runtime_error{"no"}; }
  slot pick(const pick_request&, const member_facts&) override { return no_slot; }
};

std::unique_ptr<balancer> make_slow(std::uint64_t) {
  return std::make_unique<slow_to_update>();
}

/// A balancer of which each update counts as a second.
atl::verify::tested_balancer of_slow_updates(std::uint64_t seeds) {
  atl::verify::tested_balancer it;
  it.how.seeds = seeds;
  it.work =
      std::make_shared<balancer_work>(atl::verify::call_cost{1e9, 0}, atl::verify::call_cost{});
  return it;
}

} // namespace

TEST_CASE("a cost is rounded to the nearest power of four") {
  using atl::verify::rounded_to_power_of_four;
  CHECK(rounded_to_power_of_four(0) == 1);
  CHECK(rounded_to_power_of_four(1.9) == 1);
  CHECK(rounded_to_power_of_four(2.1) == 4);
  CHECK(rounded_to_power_of_four(7.9) == 4);
  CHECK(rounded_to_power_of_four(8.1) == 16);
  CHECK(rounded_to_power_of_four(1'000'000) == 1'048'576);
}

TEST_CASE("the work of a balancer is that of its updates and picks") {
  auto work = std::make_shared<balancer_work>(atl::verify::call_cost{1e9, 1e6},
                                              atl::verify::call_cost{1e3, 1});
  balancer_driver driver{atl::verify::counted_in(work, make_slow)(1)};
  driver.use(equals(5));
  CHECK(work->seconds() == doctest::Approx(1.005));
  driver.use(equals(5)); // no update
  driver.pick(1);
  CHECK(work->seconds() == doctest::Approx(1.005'001'005));
  driver.pick_many(3, 1);
  CHECK(work->seconds() == doctest::Approx(1.005'004'020));
  driver.pick_many(9, 1); // of five members
  CHECK(work->seconds() == doctest::Approx(1.005'009'045));
}

TEST_CASE("a measured update costs about the processor time that it takes") {
  auto work = balancer_work::measured(make_slow);
  work.add_update(0);
  CHECK(work.seconds() >= update_seconds / 2);
}

TEST_CASE("a balancer that throws while its costs are measured costs nothing") {
  auto work = balancer_work::measured([](auto) { return std::make_unique<throws_in_update>(); });
  work.add_update(1'000);
  CHECK(work.seconds() == 0);
}

TEST_CASE("a check of a slow balancer ends at its budget, but not before its least seeds") {
  auto it = of_slow_updates(1'000);
  auto update = [&](std::uint64_t) {
    it.work->add_update(5);
    return atl::properties::finding{};
  };
  it.budget = {10, 4};
  CHECK(it.for_seeds(1, 1'000, update) == 10);
  CHECK(it.for_seeds(1, 1'000, update) == 10); // each check has a budget of its own
  CHECK(it.for_seeds(1, 7, update) == 7);
  it.budget = {2, 4};
  CHECK(it.for_seeds(1, 1'000, update) == 4);
  CHECK(it.for_seeds(1, 3, update) == 3);
}

TEST_CASE("more seeds give a check a larger budget") {
  auto seconds = [](std::uint64_t seeds) {
    atl::verify::effort how;
    how.seeds = seeds;
    return atl::verify::budget_of(how).seconds;
  };
  CHECK(seconds(1) > 0);
  CHECK(seconds(2'000) > 10 * seconds(40));
  CHECK(seconds(20'000) == doctest::Approx(10 * seconds(2'000)));
}
