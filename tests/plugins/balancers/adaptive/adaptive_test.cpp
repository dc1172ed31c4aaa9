#include "common_rules.hpp"
#include "queue_model.hpp"

#include <adaptive/rewards.hpp>

using namespace balancer_test;
using namespace std::chrono_literals;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, adaptive, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, adaptive, 1, 0, 0);
const auto make = maker(plugin);

/// Requests one after the other, each with the outcome that `outcome_of(slot)` says.
/// @returns the share of each member
template <class Outcome>
std::vector<double> shares(spi::balancer& balancer, pool_fixture& pool, int requests,
                           Outcome&& outcome_of) {
  std::vector<double> result(pool.size());
  for (int request = 0; request < requests; ++request) {
    auto who = pool.pick(balancer);
    balancer.observe(who, outcome_of(who), pool.now);
    result[who] += 1.0 / requests;
  }
  return result;
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "adaptive", {"spread = domains", "avoids = slow,failing"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE("the fast member is found") {
  pool_fixture pool{5};
  auto balancer = make(1);
  pool.update(*balancer);
  auto outcome = [](slot who) { return spi::outcome{true, who == 3 ? 1ms : 3ms}; };
  shares(*balancer, pool, 500, outcome);
  CHECK(shares(*balancer, pool, 2000, outcome)[3] > 0.8);
}

TEST_CASE("with any options a member that is slow or fails gets less than half of an even share") {
  for (std::int64_t memory : {20, 100, 1'000'000})
    for (double exploration : {0.05, 0.3, 1.0})
      for (auto fails : {false, true}) {
        pool_fixture pool{5};
        auto balancer = maker(plugin, {{"memory", memory}, {"exploration", exploration}})(1);
        pool.update(*balancer);
        auto outcome = [&](slot who) {
          return who == 2 ? spi::outcome{!fails, fails ? 1ms : 10ms} : spi::outcome{true, 1ms};
        };
        shares(*balancer, pool, 500, outcome);
        CHECK(shares(*balancer, pool, 2000, outcome)[2] < 0.1);
      }
}

TEST_CASE("a change is followed: a member that recovers is found again") {
  pool_fixture pool{4};
  auto balancer = make(1);
  pool.update(*balancer);
  slot fast = 0;
  auto outcome = [&](slot who) { return spi::outcome{true, who == fast ? 1ms : 4ms}; };
  for (slot next : {0, 3, 1}) {
    fast = next;
    shares(*balancer, pool, 2500, outcome);
    CHECK(shares(*balancer, pool, 1000, outcome)[fast] > 0.7);
  }
}

TEST_CASE("requests without an answer don't all go to the same unknown member") {
  pool_fixture pool{10};
  auto balancer = make(1);
  pool.update(*balancer);
  auto outcome = [](slot) { return spi::outcome{true, 1ms}; };
  shares(*balancer, pool, 1000, outcome);
  pool.join();
  pool.update(*balancer);
  for (int request = 0; request < 50; ++request)
    ++pool.in_flight[pool.pick(*balancer)];
  CHECK(pool.in_flight[10] > 5);
  CHECK(pool.in_flight[10] < 45);
}

TEST_CASE("what was learnt of a member follows it to another slot") {
  pool_fixture pool{5};
  auto balancer = make(1);
  pool.update(*balancer);
  auto fast = pool.members[1].id;
  auto outcome = [&](slot who) {
    return spi::outcome{true, pool.members[who].id == fast ? 1ms : 9ms};
  };
  shares(*balancer, pool, 2000, outcome);
  pool.exchange(1, 4);
  pool.update(*balancer);
  CHECK(shares(*balancer, pool, 20, outcome)[4] > 0.7);
}

TEST_CASE("one member that is ten times slower: it gets hardly anything") {
  queue_setup setup;
  setup.service.assign(5, 1000);
  setup.service[2] = 10'000;
  setup.load = 0.2;
  setup.requests = 40'000;
  setup.warm_up = 4'000;
  auto balancer = make(1);
  auto result = run_queue(setup, *balancer);
  MESSAGE("share of the slow one " << result.share(2) << ", p99 " << result.quantile(0.99));
  CHECK(result.share(2) < 0.03);
}

TEST_CASE("the reward of an outcome fades with the outcomes after it") {
  pool_fixture pool{2};
  atl::balancers::rewards rewards{50};
  rewards.update(pool.members);
  rewards.add(0, {true, 1ms});
  CHECK(rewards.count(0) == doctest::Approx(1));
  CHECK(rewards.mean(0) == doctest::Approx(0.5)); // the mean is its own latency
  for (int outcome = 0; outcome < 100; ++outcome) // 50 for each member
    rewards.add(1, {false, 1ms});
  CHECK(rewards.count(0) == doctest::Approx(std::exp(-1)).epsilon(0.01));
  CHECK(rewards.mean(1) < 0.01);
  CHECK(rewards.count() == doctest::Approx(rewards.count(0) + rewards.count(1)));
}

TEST_CASE("what is computed of a member follows its own outcomes at once, and others' soon") {
  pool_fixture pool{10};
  atl::balancers::rewards rewards{20};
  rewards.update(pool.members);
  rewards.add(0, {true, 1ms});
  rewards.add(7, {false, 1ms});
  CHECK(rewards.means()[7] == doctest::Approx(rewards.mean(7)));
  CHECK(rewards.uncertainties()[7] == doctest::Approx(1 / std::sqrt(1 + rewards.count(7))));
  for (int outcome = 0; outcome < 300; ++outcome)
    rewards.add(3, {true, 1ms});
  CHECK(rewards.means()[7] == doctest::Approx(rewards.mean(7)).epsilon(0.05));
  CHECK(rewards.uncertainties()[7] ==
        doctest::Approx(1 / std::sqrt(1 + rewards.count(7))).epsilon(0.05));
}

TEST_CASE("counts stay right over any number of outcomes") {
  pool_fixture pool{1};
  atl::balancers::rewards rewards{20};
  rewards.update(pool.members);
  for (int outcome = 0; outcome < 20'000; ++outcome) // far beyond the range of e^(outcomes/20)
    rewards.add(0, {true, 1ms});
  CHECK(rewards.count(0) == doctest::Approx(21).epsilon(0.01));
  CHECK(rewards.mean(0) == doctest::Approx(0.5).epsilon(0.01));
}
