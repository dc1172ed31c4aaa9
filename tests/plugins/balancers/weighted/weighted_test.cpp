#include "common_rules.hpp"

#include <cstdlib>

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, weighted, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, weighted, 1, 0, 0);
const auto make = maker(plugin);

std::unique_ptr<spi::balancer> make_for(const pool_fixture& pool, std::uint64_t seed = 1) {
  auto balancer = make(seed);
  pool.update(*balancer);
  return balancer;
}

std::string first_picks(const std::vector<double>& weights, std::size_t calls) {
  auto pool = pool_fixture::weighing(weights);
  return spelled(*make_for(pool), pool, calls);
}

/// nginx's rule, word for word, in whole numbers.
std::string nginx_picks(const std::vector<std::int64_t>& weights, std::size_t calls) {
  std::vector<std::int64_t> current(weights.size());
  std::string text;
  for (std::size_t call = 0; call < calls; ++call) {
    std::int64_t sum = 0;
    std::size_t best = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      current[i] += weights[i];
      sum += weights[i];
      if (current[i] > current[best])
        best = i;
    }
    current[best] -= sum;
    text += static_cast<char>('a' + best);
  }
  return text;
}

/// Picks a call that each member is due, if each may be picked once a call and no two are in the
/// same domain.
std::vector<double> fair_shares(const std::vector<double>& weights, std::size_t count) {
  std::vector<double> shares(weights.size());
  for (std::size_t round = 0; round < weights.size(); ++round) {
    auto left = static_cast<double>(count);
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i)
      if (shares[i] == 1)
        left -= 1;
      else
        sum += weights[i];
    for (std::size_t i = 0; i < weights.size(); ++i)
      if (shares[i] != 1)
        shares[i] = std::min(1.0, left * weights[i] / sum);
  }
  return shares;
}

void check_near(const std::vector<std::uint64_t>& counts, const std::vector<double>& due,
                double off_max) {
  REQUIRE(counts.size() == due.size());
  for (std::size_t i = 0; i < due.size(); ++i)
    CHECK_MESSAGE(std::abs(static_cast<double>(counts[i]) - due[i]) <= off_max,
                  "member " << i << ": " << counts[i] << " picks, due " << due[i]);
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "weighted", {"shares = weighted", "smooth = yes", "spread = domains"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE("weights 5, 1, 1 give exactly a a b a c a a, again and again") {
  CHECK(first_picks({5, 1, 1}, 14) == "aabacaaaabacaa");
}

TEST_CASE("whole weights give the order of nginx, pick by pick") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    spi::random_source random{seed};
    std::vector<std::int64_t> whole(1 + random.below(12));
    std::vector<double> weights;
    for (auto& weight : whole) {
      weight = random.between(1, seed % 2 == 0 ? 40 : 4);
      weights.push_back(static_cast<double>(weight));
    }
    CHECK(first_picks(weights, 2000) == nginx_picks(whole, 2000));
  }
}

TEST_CASE("a common factor of all weights changes nothing, however large or small") {
  for (double factor : {1e-300, 1e-9, 1.0, 7.0, 1e9, 1e300})
    CHECK(first_picks({5 * factor, factor, factor}, 14) == "aabacaaaabacaa");
}

TEST_CASE("a weight of 0 gets nothing, not even when no other member is left") {
  auto pool = pool_fixture::weighing({0, 1, 0});
  auto balancer = make_for(pool);
  CHECK(spelled(*balancer, pool, 5) == "bbbbb");
  CHECK(pool.pick_many(*balancer, 3) == std::vector<slot>{1});
  pool.available[1] = 0;
  CHECK(spelled(*balancer, pool, 3) == "---");
  CHECK(pool.pick_many(*balancer, 3).empty());
}

TEST_CASE("at any time each member has its share of the picks, give or take one or two") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    spi::random_source random{seed};
    std::vector<double> weights(1 + random.below(20));
    for (auto& weight : weights)
      weight = std::exp(6 * random.unit());
    auto pool = pool_fixture::weighing(weights);
    for (std::size_t count : {1, 2, 3, 5}) {
      auto shares = fair_shares(weights, count);
      auto balancer = make_for(pool);
      std::vector<std::uint64_t> counts(weights.size());
      for (std::size_t calls = 1; calls <= 300; ++calls) {
        for (auto who : pool.pick_many(*balancer, count))
          ++counts[who];
        auto due = shares;
        for (auto& each : due)
          each *= static_cast<double>(calls);
        if (count < weights.size())
          check_near(counts, due, 2);
      }
    }
  }
}

TEST_CASE("three at once follow the weights of members of three sizes") {
  auto pool = pool_fixture::weighing({4, 4, 2, 2, 1, 1, 1});
  // 15 parts, 3 picks a call: 800 of 1000 calls for weight 4.
  check_near(tally(*make_for(pool), pool, 1000, 3), {800, 800, 400, 400, 200, 200, 200}, 2);
}

TEST_CASE("a member that is due more than a pick a call gets one, and the rest share the rest") {
  auto pool = pool_fixture::weighing({100, 3, 2, 1});
  check_near(tally(*make_for(pool), pool, 600, 2), {600, 300, 200, 100}, 1);
}

TEST_CASE("a domain that has most of the weight gets a pick a call, shared by weight") {
  auto pool = pool_fixture::in_domains("xxyz");
  pool.members[0].weight = 30;
  pool.members[1].weight = 10;
  check_near(tally(*make_for(pool), pool, 400, 2), {300, 100, 200, 200}, 1);
}

TEST_CASE("calls of one pick and of several share one account") {
  auto pool = pool_fixture::weighing({3, 2, 1});
  auto balancer = make_for(pool);
  std::vector<std::uint64_t> single(3);
  for (int call = 0; call < 300; ++call) {
    ++single[pool.pick(*balancer)];
    ++single[pool.pick_many(*balancer, 1).front()];
    CHECK(pool.pick_many(*balancer, 3).size() == 3); // each once: leaves the credits as they were
  }
  check_near(single, {300, 200, 100}, 1);
}

TEST_CASE("a weight that changes is followed at once") {
  pool_fixture pool{2};
  auto balancer = make_for(pool);
  tally(*balancer, pool, 1000);
  pool.members[0].weight = 9'000'000;
  pool.members[1].weight = 1'000'000;
  pool.update(*balancer);
  check_near(tally(*balancer, pool, 1000), {900, 100}, 2);
}

TEST_CASE("a member that was away gets no more than its share to make up for it") {
  auto pool = pool_fixture::weighing({5, 3, 2});
  auto balancer = make_for(pool);
  pool.available[0] = 0;
  check_near(tally(*balancer, pool, 5000), {0, 3000, 2000}, 2);
  pool.available[0] = 1;
  check_near(tally(*balancer, pool, 100), {50, 30, 20}, 2);
}

TEST_CASE("a member that was tried keeps its turn") {
  auto pool = pool_fixture::weighing({1, 1, 1});
  auto balancer = make_for(pool);
  CHECK(pool.pick(*balancer, 0, std::vector<slot>{0}) == 1);
  CHECK(spelled(*balancer, pool, 4) == "acab");
}

TEST_CASE("a member that many requests had to leave out is not made up for all of them") {
  for (std::size_t count : {1, 2}) {
    auto pool = pool_fixture::in_domains("xxyy");
    auto balancer = make_for(pool);
    for (int call = 0; call < 1000; ++call)
      pool.pick_many(*balancer, count, 0, std::vector<slot>{0});
    auto counts = tally(*balancer, pool, 200, count);
    CHECK(counts[0] >= 50);
    CHECK(counts[0] <= (count == 1 ? 80 : 125));
  }
}

TEST_CASE("among more members than are compared at a time, one that comes back is found") {
  pool_fixture pool{5000};
  auto balancer = make_for(pool);
  pool.available[4999] = pool.available[0] = 0;
  tally(*balancer, pool, 20);
  pool.available[4999] = pool.available[0] = 1;
  auto counts = tally(*balancer, pool, 10'000);
  CHECK(counts[0] >= 1);
  CHECK(counts[4999] >= 1);
  pool.available.assign(5000, 0);
  pool.available[4999] = 1;
  CHECK(pool.pick(*balancer) == 4999);
  pool.available[4999] = 0;
  pool.available[3] = 1;
  CHECK(pool.pick(*balancer) == 3);
}

TEST_CASE("shares hold over more calls than are counted between two settlements") {
  auto pool = pool_fixture::weighing({3, 1});
  auto calls = std::size_t{1 << 20} + 1000;
  auto due = static_cast<double>(calls) / 4;
  check_near(tally(*make_for(pool), pool, calls), {3 * due, due}, 1);
}
