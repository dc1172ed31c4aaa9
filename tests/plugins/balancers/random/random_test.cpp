#include "common_rules.hpp"

#include <map>

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, random, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, random, 1, 0, 0);
const auto make = maker(plugin);

std::unique_ptr<spi::balancer> make_for(const pool_fixture& pool, std::uint64_t seed) {
  auto balancer = make(seed);
  pool.update(*balancer);
  return balancer;
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "random", {"shares = uniform", "spread = domains"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE("every available member has the same probability, by the χ² test") {
  for (std::uint64_t seed = 0; seed < 8; ++seed)
    for (std::size_t n : {2, 3, 10, 100}) {
      pool_fixture pool{n};
      CHECK(chi_squared(tally(*make_for(pool, seed), pool, 100 * n)) < chi_squared_max(n));
    }
}

TEST_CASE("weights change nothing, and unavailable members get nothing") {
  auto pool = pool_fixture::weighing({1, 100, 0, 5});
  pool.available[3] = 0;
  auto counts = tally(*make_for(pool, 3), pool, 3000);
  CHECK(counts[3] == 0);
  counts.pop_back();
  CHECK(chi_squared(counts) < chi_squared_max(3));
}

TEST_CASE("the few available ones of many members have the same probability") {
  pool_fixture pool{1000};
  pool.available.assign(1000, 0);
  for (slot who : {3, 500, 501, 502, 999})
    pool.available[who] = 1;
  auto counts = tally(*make_for(pool, 4), pool, 2000);
  std::erase(counts, 0);
  CHECK(counts.size() == 5);
  CHECK(chi_squared(counts) < chi_squared_max(5));
}

TEST_CASE("three of several members picked at once are all equally likely") {
  for (auto domains : {"uvwxyz", "xxyyzz"}) {
    auto pool = pool_fixture::in_domains(domains);
    auto counts = tally(*make_for(pool, 4), pool, 3000, 3);
    CHECK(chi_squared(counts) < chi_squared_max(6));
  }
}

TEST_CASE("three picks of one call come in all orders") {
  pool_fixture pool{3};
  auto balancer = make_for(pool, 5);
  std::map<std::vector<slot>, int> orders;
  for (int call = 0; call < 600; ++call)
    ++orders[pool.pick_many(*balancer, 3)];
  CHECK(orders.size() == 6);
}

TEST_CASE("another seed gives other picks") {
  pool_fixture pool{4};
  CHECK(spelled(*make_for(pool, 6), pool, 100) != spelled(*make_for(pool, 7), pool, 100));
}
