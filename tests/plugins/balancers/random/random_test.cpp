#include "../balancer_under_test.hpp"

using namespace subject;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, random, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, random, 1, 0, 0);
const auto make = maker(plugin);

/// χ² of n - 1 degrees of freedom is beyond this once in 100,000 runs (Wilson & Hilferty 1931).
double chi_squared_max(std::size_t n) {
  auto freedom = static_cast<double>(n - 1);
  auto part = 2 / (9 * freedom);
  return freedom * std::pow(1 - part + 4.265 * std::sqrt(part), 3);
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "random", "uniform");
}

TEST_CASE("the common rules hold") {
  check_common_rules(make, {});
}

TEST_CASE("every healthy candidate has the same chance, by the χ² test") {
  for (std::uint64_t seed = 0; seed < 8; ++seed)
    for (std::size_t n : {2, 3, 10, 100}) {
      auto balancer = make(seed);
      auto counts = properties::tally(*balancer, weighing(std::vector<double>(n, 1)), 0, 100 * n);
      CHECK(properties::chi_squared(counts) < chi_squared_max(n));
    }
}

TEST_CASE("weights change nothing, and the unhealthy get nothing") {
  auto all = weighing({1, 100, 1, 5});
  all[3].healthy = false;
  auto balancer = make(3);
  auto counts = properties::tally(*balancer, all, 0, 3000);
  CHECK(counts[3] == 0);
  counts.pop_back();
  CHECK(properties::chi_squared(counts) < chi_squared_max(3));
}

TEST_CASE("three of several at once are all equally likely too") {
  for (auto domains : {"uvwxyz", "xxyyzz"}) {
    auto balancer = make(4);
    auto counts = properties::tally(*balancer, in_domains(domains), 3, 3000);
    CHECK(properties::chi_squared(counts) < chi_squared_max(6));
  }
}

TEST_CASE("picks don't follow a pattern: all orders of three come up") {
  auto balancer = make(5);
  auto all = in_domains("xyz");
  std::map<std::vector<std::size_t>, int> orders;
  for (int call = 0; call < 600; ++call)
    ++orders[balancer->pick_many(all, 3, 0)];
  CHECK(orders.size() == 6);
}

TEST_CASE("another seed gives other picks") {
  auto one = make(6), other = make(7);
  auto all = weighing({1, 1, 1, 1});
  CHECK(spelled(*one, all, 100) != spelled(*other, all, 100));
}
