#include "common_rules.hpp"
#include "queue_model.hpp"

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, power_of_two, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, power_of_two, 1, 0, 0);
const auto make = maker(plugin);

std::unique_ptr<spi::balancer> make_for(const pool_fixture& pool, std::uint64_t seed = 1) {
  auto balancer = make(seed);
  pool.update(*balancer);
  return balancer;
}

std::unique_ptr<spi::balancer> make_drawing(std::int64_t choices, const pool_fixture& pool,
                                            std::uint64_t seed = 1) {
  auto balancer = maker(plugin, {{"choices", choices}})(seed);
  pool.update(*balancer);
  return balancer;
}

/// Mean time in the supermarket model in service times: Σ λ^((d^i - d) / (d - 1)) over i ≥ 1
/// (Mitzenmacher 1996, Vvedenskaya, Dobrushin, Karpelevich 1996).
double expected_time(double load, int choices) {
  double sum = 0;
  for (int i = 1; i < 30; ++i)
    sum += std::pow(load, (std::pow(choices, i) - choices) / (choices - 1));
  return sum;
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "power_of_two", {"max_load = choices", "spread = domains"});
  REQUIRE(plugin.options.size() == 1);
  CHECK(std::string{plugin.options[0].name} == "choices");
}

TEST_CASE("the common rules hold, for any number of choices") {
  check_common_rules(make);
  check_common_rules(maker(plugin, {{"choices", std::int64_t{16}}}));
}

TEST_CASE("of two members the less loaded is always picked") {
  pool_fixture pool{2};
  auto balancer = make_for(pool);
  pool.in_flight = {3, 2};
  CHECK(spelled(*balancer, pool, 20) == std::string(20, 'b'));
  pool.reported_in_flight = {0, 5};
  CHECK(spelled(*balancer, pool, 20) == std::string(20, 'a'));
}

TEST_CASE("the most loaded member is never picked, and with as many choices only the least is") {
  pool_fixture pool{5};
  pool.in_flight = {1, 2, 3, 4, 5};
  auto two = tally(*make_drawing(2, pool), pool, 10'000);
  CHECK(two[4] == 0);
  // Slot i is picked if the other member drawn is one of the 4 - i that are more loaded.
  two.pop_back();
  CHECK(chi_squared(two, {4, 3, 2, 1}) < chi_squared_max(4));
  CHECK(tally(*make_drawing(5, pool), pool, 1000)[0] == 1000);
}

TEST_CASE("idle members are picked in proportion to their weights as draws are") {
  auto pool = pool_fixture::weighing({5, 2, 1, 0});
  CHECK(chi_squared(tally(*make_for(pool), pool, 8000), {5, 2, 1, 0}) < chi_squared_max(3));
}

TEST_CASE("requests are divided by the weight") {
  auto pool = pool_fixture::weighing({1, 4});
  auto balancer = make_for(pool);
  pool.in_flight = {1, 3};
  CHECK(spelled(*balancer, pool, 10) == std::string(10, 'b'));
  pool.in_flight = {1, 5};
  CHECK(spelled(*balancer, pool, 10) == std::string(10, 'a'));
}

TEST_CASE("of 100,000 requests that stay, no member of a thousand has many more than the mean") {
  for (std::int64_t choices : {2, 3}) {
    pool_fixture pool{1000};
    auto balancer = make_drawing(choices, pool);
    auto facts = pool.facts();
    for (int request = 0; request < 100'000; ++request)
      ++pool.in_flight[balancer->pick({}, facts)];
    // ln ln n ÷ ln d beyond the mean; a draw of one member is 34 beyond it.
    CHECK(*std::max_element(pool.in_flight.begin(), pool.in_flight.end()) <= 103);
  }
}

TEST_CASE("a thousand members at 90 % load answer as the supermarket model says") {
  for (int choices : {2, 4}) {
    queue_setup setup{
        .service = std::vector<double>(1000, 10'000), .requests = 300'000, .warm_up = 100'000};
    pool_fixture pool{1000};
    auto result = run_queue(setup, *make_drawing(choices, pool));
    CHECK(result.mean() / 10'000 == doctest::Approx(expected_time(0.9, choices)).epsilon(0.03));
  }
}
