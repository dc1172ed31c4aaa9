#include "common_rules.hpp"

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, weighted_random, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, weighted_random, 1, 0, 0);
const auto make = maker(plugin);

std::unique_ptr<spi::balancer> make_for(const pool_fixture& pool, std::uint64_t seed = 1) {
  auto balancer = make(seed);
  pool.update(*balancer);
  return balancer;
}

const std::vector<double> weights{5, 1, 1, 0.5, 12, 3, 0, 2.5};

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "weighted_random", {"shares = weighted", "spread = domains"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE("picks follow the weights, by the χ² test") {
  auto pool = pool_fixture::weighing(weights);
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    auto counts = tally(*make_for(pool, seed), pool, 20'000);
    CHECK(counts[6] == 0);
    CHECK(chi_squared(counts, weights) < chi_squared_max(7));
  }
}

TEST_CASE("a thousand members of seven weights are picked by weight") {
  std::vector<double> seven(1000);
  for (std::size_t i = 0; i < seven.size(); ++i)
    seven[i] = static_cast<double>(1 + i % 7);
  auto pool = pool_fixture::weighing(seven);
  auto counts = tally(*make_for(pool), pool, 100'000);
  CHECK(chi_squared(counts, seven) < chi_squared_max(1000));
}

TEST_CASE("members that are down leave the proportions of the others") {
  auto pool = pool_fixture::weighing(weights);
  for (auto& down : std::vector<std::vector<slot>>{{0}, {4}, {0, 4, 5}, {0, 4, 5, 7}}) {
    auto left = weights;
    pool.available.assign(weights.size(), 1);
    for (auto who : down) {
      pool.available[who] = 0;
      left[who] = 0;
    }
    auto counts = tally(*make_for(pool), pool, 20'000);
    for (auto who : down)
      CHECK(counts[who] == 0);
    auto classes = weights.size() - down.size() - 1; // one weight is 0
    CHECK(chi_squared(counts, left) < chi_squared_max(classes));
  }
}

TEST_CASE("the few available ones of many members are picked by weight") {
  std::vector<double> many(1000, 3);
  many[10] = 1;
  many[20] = 2;
  many[999] = 4;
  auto pool = pool_fixture::weighing(many);
  pool.available.assign(1000, 0);
  for (slot who : {10, 20, 999})
    pool.available[who] = 1;
  auto counts = tally(*make_for(pool), pool, 7000);
  CHECK(counts[10] + counts[20] + counts[999] == 7000);
  CHECK(chi_squared({counts[10], counts[20], counts[999]}, {1, 2, 4}) < chi_squared_max(3));
}

TEST_CASE("several picks are draws one after the other without putting back") {
  auto pool = pool_fixture::weighing({2, 1, 1});
  auto counts = tally(*make_for(pool), pool, 12'000, 2);
  // 2/4, and after either of the others 2/3: 10/12; the others share the rest.
  std::vector<std::uint64_t> missed;
  for (auto count : counts)
    missed.push_back(12'000 - count);
  CHECK(chi_squared(missed, {2, 5, 5}) < chi_squared_max(3));
}

TEST_CASE("a weight of 0 gets nothing, not even when no other member is left") {
  auto pool = pool_fixture::weighing({0, 1, 0});
  auto balancer = make_for(pool);
  CHECK(spelled(*balancer, pool, 5) == "bbbbb");
  pool.available[1] = 0;
  CHECK(spelled(*balancer, pool, 3) == "---");
}

TEST_CASE("a weight that changes is followed at once") {
  pool_fixture pool{2};
  auto balancer = make_for(pool);
  pool.members[0].weight = 9;
  pool.update(*balancer);
  CHECK(chi_squared(tally(*balancer, pool, 5000), {9, 1}) < chi_squared_max(2));
}
