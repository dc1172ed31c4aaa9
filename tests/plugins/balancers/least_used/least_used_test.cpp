#include "common_rules.hpp"

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, least_used, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, least_used, 1, 0, 0);
const auto make = maker(plugin);

/// Members of these capacities, the given part of each free.
pool_fixture stores(const std::vector<std::uint64_t>& capacities, double free = 1) {
  pool_fixture pool{capacities.size()};
  for (std::size_t i = 0; i < capacities.size(); ++i) {
    pool.members[i].capacity = capacities[i];
    pool.free_bytes[i] = static_cast<std::uint64_t>(free * static_cast<double>(capacities[i]));
  }
  return pool;
}

/// Places chunks of one byte, `copies` of each. @returns how many fragments each member got
std::vector<std::uint64_t> place(spi::balancer& balancer, pool_fixture& pool, int chunks,
                                 std::size_t copies) {
  std::vector<std::uint64_t> counts(pool.size());
  for (int chunk = 0; chunk < chunks; ++chunk)
    for (auto who : pool.pick_many(balancer, copies)) {
      ++counts[who];
      --pool.free_bytes[who];
    }
  return counts;
}

/// The difference between the largest and the smallest free part.
double unevenness(const pool_fixture& pool) {
  double least = 1, most = 0;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    auto free =
        static_cast<double>(pool.free_bytes[i]) / static_cast<double>(pool.members[i].capacity);
    least = std::min(least, free);
    most = std::max(most, free);
  }
  return most - least;
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "least_used", {"spread = domains"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE("members of all sizes fill evenly, at any time") {
  auto pool = stores({1000, 2000, 4000, 8000, 3000, 5000, 2000, 6000});
  auto balancer = make(1);
  pool.update(*balancer);
  for (int step = 0; step < 9; ++step) {
    place(*balancer, pool, 1000, 3);
    CHECK(unevenness(pool) < 0.03);
  }
}

TEST_CASE("what was uneven evens out") {
  auto pool = stores(std::vector<std::uint64_t>(10, 10'000));
  for (std::size_t i = 0; i < 10; ++i)
    pool.free_bytes[i] -= 400 * i;
  auto balancer = make(1);
  pool.update(*balancer);
  CHECK(unevenness(pool) > 0.3);
  place(*balancer, pool, 35'000, 1);
  CHECK(unevenness(pool) < 0.02);
}

TEST_CASE("a new empty member gets more than the others, but not all") {
  auto pool = stores(std::vector<std::uint64_t>(10, 100'000), 0.2);
  pool.free_bytes[9] = 100'000;
  auto balancer = make(1);
  pool.update(*balancer);
  auto counts = place(*balancer, pool, 10'000, 1);
  CHECK(counts[9] > 1600); // of an even share of 1,000
  CHECK(counts[9] < 2100);
  auto eager = maker(plugin, {{"choices", std::int64_t{4}}})(1);
  pool.update(*eager);
  CHECK(place(*eager, pool, 10'000, 1)[9] > 3000);
}

TEST_CASE("one choice is a draw by capacity and weight") {
  auto pool = stores({1000, 3000, 2000});
  pool.members[2].weight = 3;
  auto balancer = maker(plugin, {{"choices", std::int64_t{1}}})(1);
  pool.update(*balancer);
  CHECK(chi_squared(tally(*balancer, pool, 10'000), {1, 3, 6}) < chi_squared_max(3));
}

TEST_CASE("without capacities the member with more free bytes is preferred") {
  pool_fixture pool{10};
  for (std::size_t i = 0; i < 10; ++i)
    pool.free_bytes[i] = 100 + i;
  auto balancer = make(1);
  pool.update(*balancer);
  auto counts = tally(*balancer, pool, 9000);
  // Of two different members drawn, member i is the one with more in i of 45 cases.
  CHECK(counts[0] == 0);
  for (slot who = 1; who < 10; ++who)
    CHECK(static_cast<double>(counts[who]) == doctest::Approx(200.0 * who).epsilon(0.25));
}

TEST_CASE("a member of unknown capacity counts as large as the largest") {
  auto pool = stores({1000, 4000});
  auto& unknown = pool.join();
  CHECK(unknown.capacity == 0);
  pool.free_bytes = {0, 2000, 2100};
  auto balancer = make(1);
  pool.update(*balancer);
  CHECK(pool.pick(*balancer, 0, std::vector<slot>{0}) == 2);
  pool.free_bytes[2] = 1900;
  CHECK(pool.pick(*balancer, 0, std::vector<slot>{0}) == 1);
}

TEST_CASE("a member of weight 0 gets nothing, however empty") {
  auto pool = stores({1000, 1000, 1000}, 0.5);
  pool.members[1].weight = 0;
  pool.free_bytes[1] = 1000;
  auto balancer = make(1);
  pool.update(*balancer);
  CHECK(tally(*balancer, pool, 500, 2)[1] == 0);
}
