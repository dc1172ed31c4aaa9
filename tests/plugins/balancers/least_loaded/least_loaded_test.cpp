#include "common_rules.hpp"
#include "queue_model.hpp"

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, least_loaded, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, least_loaded, 1, 0, 0);
const auto make = maker(plugin);

std::unique_ptr<spi::balancer> make_for(const pool_fixture& pool, std::uint64_t seed = 1) {
  auto balancer = make(seed);
  pool.update(*balancer);
  return balancer;
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "least_loaded", {"spread = domains"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE("the member with the fewest requests in flight is picked") {
  pool_fixture pool{5};
  auto balancer = make_for(pool);
  pool.in_flight = {3, 2, 5, 1, 2};
  CHECK(spelled(*balancer, pool, 4) == "dddd");
  CHECK(pool.pick(*balancer, 0, std::vector<slot>{3, 1}) == 4);
  CHECK(pool.pick_many(*balancer, 1) == std::vector<slot>{3});
  pool.available[3] = 0;
  pool.in_flight[4] = 1;
  CHECK(spelled(*balancer, pool, 4) == "eeee");
}

TEST_CASE("what a member reports counts if it is more than the host's own requests") {
  pool_fixture pool{2};
  auto balancer = make_for(pool);
  pool.in_flight = {1, 2};
  pool.reported_in_flight = {9, 0};
  CHECK(spelled(*balancer, pool, 3) == "bbb");
  pool.reported_in_flight = {0, 0};
  CHECK(spelled(*balancer, pool, 3) == "aaa");
}

TEST_CASE("as many requests as a number can hold are many") {
  pool_fixture pool{2};
  auto balancer = make_for(pool);
  pool.in_flight = {0xffff'ffff, 7};
  CHECK(spelled(*balancer, pool, 4) == "bbbb");
}

TEST_CASE("any number but 0 means that a member is available") {
  pool_fixture pool{3};
  auto balancer = make_for(pool);
  pool.available = {0, 1, 255};
  pool.in_flight = {0, 2, 1};
  CHECK(spelled(*balancer, pool, 4) == "cccc");
  CHECK(pool.pick_many(*balancer, 3) == std::vector<slot>{2, 1});
}

TEST_CASE("requests are divided by the weight") {
  auto pool = pool_fixture::weighing({1, 4, 0});
  auto balancer = make_for(pool);
  pool.in_flight = {1, 3, 0};
  CHECK(spelled(*balancer, pool, 3) == "bbb");
  pool.in_flight = {1, 5, 0};
  CHECK(spelled(*balancer, pool, 3) == "aaa");
}

TEST_CASE("ties are drawn at random in proportion to the weights, be they many or few") {
  for (std::size_t others : {0, 200}) {
    auto pool = pool_fixture::weighing({3, 1, 2});
    for (std::size_t i = 0; i < others; ++i)
      pool.join(2);
    auto balancer = make_for(pool);
    pool.in_flight.assign(pool.size(), 1000);
    pool.in_flight[0] = 6;
    pool.in_flight[1] = 2;
    pool.in_flight[2] = 4;
    auto counts = tally(*balancer, pool, 6000);
    CHECK(counts[0] + counts[1] + counts[2] == 6000);
    CHECK(chi_squared({counts[0], counts[1], counts[2]}, {3, 1, 2}) < chi_squared_max(3));
  }
}

TEST_CASE("several picks are the least loaded of each domain, then the least loaded left") {
  auto pool = pool_fixture::in_domains("xxyyz");
  auto balancer = make_for(pool);
  pool.in_flight = {1, 2, 4, 3, 9};
  CHECK(pool.pick_many(*balancer, 5) == std::vector<slot>{0, 3, 4, 1, 2});
}

TEST_CASE(
    "ten members at 90 % load answer after 1.9 service times, and 99 % of requests within 8") {
  queue_setup setup{.service = std::vector<double>(10, 10'000), .requests = 600'000};
  pool_fixture pool{10};
  auto result = run_queue(setup, *make_for(pool));
  CHECK(result.mean() / 10'000 == doctest::Approx(1.9).epsilon(0.08));
  CHECK(result.quantile(0.99) / 10'000 == doctest::Approx(7.8).epsilon(0.12));
}
