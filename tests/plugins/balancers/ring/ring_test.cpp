#include "common_rules.hpp"
#include "key_movement.hpp"

#include <cmath>

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, ring, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, ring, 1, 0, 0);
const auto make = maker(plugin);

balancer_maker bounded(double bound) {
  return maker(plugin, {{"load_bound", bound}});
}

/// c times the mean of requests in flight at the available members, with a new one, rounded up.
std::uint64_t bound_of(const pool_fixture& pool, double c) {
  double requests = 1, members = 0;
  for (slot who = 0; who < pool.size(); ++who)
    if (pool.available[who]) {
      requests += pool.in_flight[who];
      ++members;
    }
  return static_cast<std::uint64_t>(std::ceil(c * requests / members - 1e-9));
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "ring",
                   {"spread = domains", "keys = minimal", "load_bound = load_bound"});
}

TEST_CASE("the common rules hold without a bound") {
  check_common_rules(make);
}

TEST_CASE("the common rules hold with a bound") {
  check_common_rules(bounded(1.25));
}

TEST_CASE("keys move only from or to the member that changes") {
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    check_minimal_movement(*make(1), seed, 7);
}

TEST_CASE("keys go to the same members whatever the seed and the order of the list") {
  check_seed_and_order_mean_nothing(make);
}

TEST_CASE("a member that leaves moves its keys alone, and they go to all the others") {
  keyed_pool pool{make, 10, 20'000};
  auto left = pool.members[4].id;
  pool.leave(4);
  pool.update();
  auto movement = pool.moved(left);
  CHECK(movement.moved == pool.keys_before(left));
  CHECK(movement.needless == 0);
  CHECK(pool.heirs(left).size() == 9);
}

TEST_CASE("160 points each: the fullest of 10 members has 1.2 times the mean in 19 of 20 pools") {
  auto shares = greatest_shares(make, 10, 100, 20'000);
  CHECK(shares[95] > 1.14);
  CHECK(shares[95] < 1.26);
  auto few_points = greatest_shares(maker(plugin, {{"points", 10.0}}), 10, 100, 5'000);
  CHECK(few_points[50] > 1.3);
}

TEST_CASE("shares follow weights") {
  auto pool = pool_fixture::weighing({1, 2, 0, 5});
  auto balancer = maker(plugin, {{"points", 800.0}})(1);
  pool.update(*balancer);
  auto counts = tally(*balancer, pool, 80'000);
  CHECK(std::abs(static_cast<double>(counts[0]) - 10'000) < 1000);
  CHECK(std::abs(static_cast<double>(counts[1]) - 20'000) < 1500);
  CHECK(counts[2] == 0);
}

TEST_CASE("with a bound no member gets more than that, whatever the keys") {
  for (double c : {1.0, 1.25, 2.0})
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      spi::random_source random{seed};
      auto balancer = bounded(c)(1);
      pool_fixture pool{12};
      pool.update(*balancer);
      std::size_t over = 0, away = 0;
      auto home = make(1);
      pool.update(*home);
      for (int step = 0; step < 3000; ++step) {
        auto any = static_cast<slot>(random.below(pool.size()));
        if (random.chance(0.02))
          pool.available[any] = random.chance(0.7);
        if (random.chance(0.5)) {
          pool.in_flight[any] -= std::min(pool.in_flight[any], 2U);
          continue;
        }
        auto key = random.chance(0.7) ? 1 : random.next(); // most requests are about one key
        auto who = pool.pick(*balancer, key);
        if (std::count(pool.available.begin(), pool.available.end(), 1) == 0)
          continue;
        REQUIRE(who != no_slot);
        over += pool.in_flight[who] + 1 > bound_of(pool, c);
        away += who != pool.pick(*home, key);
        ++pool.in_flight[who];
      }
      CHECK(over == 0);
      CHECK(away > 300); // the bound was needed
    }
}

TEST_CASE("below its bound a member keeps its keys") {
  pool_fixture pool{10};
  auto unbounded = make(1), balancer = bounded(1)(1);
  pool.update(*unbounded);
  pool.update(*balancer);
  CHECK(members_of_keys(*balancer, pool, 2000) == members_of_keys(*unbounded, pool, 2000));
  pool.in_flight.assign(10, 7);
  pool.in_flight[3] = 5;
  CHECK(pool.pick(*balancer, 77) != no_slot);
}

TEST_CASE("a bound of at least the number of members is none") {
  pool_fixture pool{4};
  auto balancer = bounded(4)(1);
  pool.update(*balancer);
  auto before = members_of_keys(*balancer, pool, 200);
  pool.in_flight = {900, 0, 0, 0};
  CHECK(members_of_keys(*balancer, pool, 200) == before);
}

TEST_CASE("when all members below the bound were tried, the others still share the requests") {
  pool_fixture pool{3};
  auto balancer = bounded(1)(1);
  pool.update(*balancer);
  pool.in_flight = {5, 6, 0};
  std::vector<slot> tried{2};
  for (std::uint64_t key = 0; key < 20; ++key)
    CHECK(pool.pick(*balancer, key, tried) == 0);
}
