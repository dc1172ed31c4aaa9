#include "common_rules.hpp"
#include "queue_model.hpp"

#include <c3/recent_picks.hpp>

#include <limits>

using namespace balancer_test;
using namespace std::chrono_literals;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, c3, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, c3, 1, 0, 0);
const auto make = maker(plugin);

slot picked(pool_fixture& pool, const balancer_maker& make_one = make) {
  auto balancer = make_one(1);
  pool.update(*balancer);
  return pool.pick(*balancer);
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "c3", {"spread = domains", "avoids = slow"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE("of idle members the fastest is picked") {
  pool_fixture pool{3};
  pool.latency = {900, 300, 500};
  CHECK(picked(pool) == 1);
}

TEST_CASE("equal members are picked alike") {
  pool_fixture pool{5};
  auto balancer = make(1);
  pool.update(*balancer);
  CHECK(chi_squared(tally(*balancer, pool, 5000)) < chi_squared_max(5));
}

TEST_CASE("the queue counts by its cube: a slow idle member is better than a fast one's queue") {
  pool_fixture pool{2};
  pool.latency = {1000, 20'000}; // scores in ms: 2³ = 8, then 3³ = 27, against 20
  pool.in_flight = {1, 0};
  CHECK(picked(pool) == 0);
  pool.in_flight = {2, 0};
  CHECK(picked(pool) == 1);
}

TEST_CASE("the service time is the latency without the reported queue") {
  pool_fixture pool{2};
  // 3 reported: R − R/4 + 4³ × R/4 = 16.75 R, against 20 without a queue.
  pool.latency = {1000, 16'600};
  pool.reported_in_flight = {3, 0};
  CHECK(picked(pool) == 1);
  pool.latency = {1000, 16'900};
  CHECK(picked(pool) == 0);
}

TEST_CASE("with more hosts the own requests count more") {
  pool_fixture pool{2};
  pool.latency = {1000, 20'000};
  pool.in_flight = {1, 0};
  CHECK(picked(pool, maker(plugin, {{"hosts", std::int64_t{1}}})) == 0);
  CHECK(picked(pool, maker(plugin, {{"hosts", std::int64_t{2}}})) == 1); // 3³ = 27 ms
}

TEST_CASE("a member of unknown latency is judged like the mean of the others") {
  pool_fixture pool{3};
  pool.latency = {1000, 3000, 0};
  CHECK(picked(pool) == 0);
  pool.in_flight = {1, 0, 0}; // 8 ms, 3 ms, 2 ms
  CHECK(picked(pool) == 2);
  pool.in_flight = {1, 0, 1}; // not swamped before its first answer
  CHECK(picked(pool) == 1);
}

TEST_CASE("latencies that can't be summed up lead to no member that may not be picked") {
  pool_fixture pool{4};
  auto balancer = make(1);
  pool.update(*balancer);
  pool.latency.assign(4, std::numeric_limits<float>::max());
  pool.latency[3] = 0;
  for (slot unavailable : {0, 3}) {
    pool.available.assign(4, 1);
    pool.available[unavailable] = 0;
    for (int call = 0; call < 50; ++call) {
      checked_pick(*balancer, pool, 0);
      CHECK(checked_picks(*balancer, pool, 4, 0).size() == 3);
    }
  }
}

TEST_CASE("the mean is that of the known latencies, of few members and of many") {
  for (std::size_t known : {2, 16, 34}) {
    pool_fixture pool{known + 7};
    auto balancer = make(1);
    pool.update(*balancer);
    for (slot who = 0; who < known; ++who)
      pool.latency[who] = who % 2 == 0 ? 1000 : 3000;
    auto unknown = static_cast<slot>(known + 6);
    pool.available.assign(pool.size(), 0);
    pool.available[0] = pool.available[unknown] = 1;
    for (auto [latency, expected] : {std::pair{1900.0F, slot{0}}, {2100.0F, unknown}}) {
      pool.latency[0] = latency;
      pool.latency[1] = 4000 - latency; // the mean stays 2 ms
      CHECK(pool.pick(*balancer) == expected);
    }
  }
}

TEST_CASE("the latency of a member without requests for long is forgotten") {
  for (auto [forget, expected] : {std::pair{10s, 0}, {0s, 1}}) {
    pool_fixture pool{2};
    auto balancer = maker(
        plugin, {{"forget_after", std::int64_t{std::chrono::microseconds{forget}.count()}}})(1);
    pool.update(*balancer);
    pool.latency = {9000, 1000};
    CHECK(pool.pick(*balancer, 0, std::vector<slot>{1}) == 0);
    pool.now += 9s;
    CHECK(pool.pick(*balancer) == 1);
    pool.now += 1s;
    pool.in_flight = {0, 1}; // 9 or the mean of 5 ms, against 8
    CHECK(pool.pick(*balancer) == static_cast<slot>(expected));
  }
}

TEST_CASE("each member is forgotten at its own time, and keeps it when the list changes") {
  pool_fixture pool{3};
  atl::balancers::recent_picks recent{10s};
  recent.update(pool.members);
  auto remembered_at = [&](spi::timestamp now) {
    recent.forget(now);
    return std::vector<float>(recent.remembered(), recent.remembered() + 3);
  };
  using flags = std::vector<float>;
  CHECK(remembered_at(0s) == flags{1, 1, 1});
  recent.add(0, 0s);
  recent.add(1, 4s);
  CHECK(remembered_at(9s) == flags{1, 1, 1});
  CHECK(remembered_at(10s) == flags{0, 1, 1});
  CHECK(remembered_at(14s) == flags{0, 0, 1});
  recent.add(0, 15s);
  CHECK(remembered_at(24s) == flags{1, 0, 1});
  pool.exchange(0, 2);
  recent.update(pool.members);
  CHECK(remembered_at(24s) == flags{1, 0, 1});
  CHECK(remembered_at(25s) == flags{1, 0, 0});
}

TEST_CASE("one member that is ten times slower: the tail is far shorter than with even shares") {
  queue_setup setup;
  setup.service.assign(5, 1000);
  setup.service[2] = 10'000;
  setup.load = 0.5;
  setup.requests = 40'000;
  setup.warm_up = 4'000;
  setup.reports = true;
  std::vector<std::unique_ptr<spi::balancer>> balancers;
  std::vector<spi::balancer*> hosts;
  for (std::uint64_t host = 0; host < 5; ++host) {
    balancers.push_back(maker(plugin, {{"hosts", std::int64_t{5}}})(host));
    hosts.push_back(balancers.back().get());
  }
  auto result = queue_model{setup, pool_fixture{5}, hosts}.run();
  MESSAGE("share of the slow one " << result.share(2) << ", p99 " << result.quantile(0.99));
  CHECK(result.share(2) < 0.05);
  CHECK(result.quantile(0.99) < 12'000);
}
