#include "common_rules.hpp"
#include "queue_model.hpp"

#include <prequal/load_window.hpp>

using namespace balancer_test;
using namespace std::chrono_literals;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, prequal, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, prequal, 1, 0, 0);
const auto make = maker(plugin);
const option_values keep_probes{{"removals_per_pick", 0.0}};

/// The share of picks that go to each member when no probe is used up or removed.
std::vector<std::uint64_t> counts_with(const std::vector<spi::probe_result>& probes,
                                       option_values options) {
  auto balancer = maker(plugin, std::move(options))(1);
  pool_fixture pool{probes.size()};
  pool.update(*balancer);
  std::vector<std::uint64_t> counts(pool.size());
  for (int call = 0; call < 200; ++call) {
    for (slot who = 0; who < pool.size(); ++who)
      balancer->on_probe(who, probes[who], pool.now);
    ++counts[pool.pick(*balancer)];
  }
  return counts;
}

/// The member with the fewest requests of this host, at random among equals.
struct fewest_in_flight : spi::balancer {
  explicit fewest_in_flight(std::uint64_t seed) : random{seed} {}
  void update(std::span<const spi::member>) override {}
  slot pick(const spi::pick_request&, const spi::member_facts& facts) override {
    auto least = *std::min_element(facts.in_flight.begin(), facts.in_flight.end());
    for (;;)
      if (auto who = static_cast<slot>(random.below(facts.in_flight.size()));
          facts.in_flight[who] == least)
        return who;
  }
  spi::random_source random;
};

struct any_member : spi::balancer {
  explicit any_member(std::uint64_t seed) : random{seed} {}
  void update(std::span<const spi::member>) override {}
  slot pick(const spi::pick_request&, const spi::member_facts& facts) override {
    return static_cast<slot>(random.below(facts.available.size()));
  }
  spi::random_source random;
};

/// 20 hosts that send to 20 members, of which a fifth, by turns, is slowed down by a factor of 4
/// for some 200 service times.
queue_result with_antagonists(const std::function<std::unique_ptr<spi::balancer>(int)>& make_one) {
  std::vector<std::unique_ptr<spi::balancer>> balancers;
  std::vector<spi::balancer*> hosts;
  for (int host = 0; host < 20; ++host) {
    balancers.push_back(make_one(host));
    hosts.push_back(balancers.back().get());
  }
  queue_setup setup;
  setup.service.assign(20, 1000);
  setup.load = 0.6;
  setup.requests = 60'000;
  setup.warm_up = 5'000;
  setup.probes = true;
  setup.slowdown = [](slot who, spi::timestamp now) {
    return (who + static_cast<std::uint64_t>(now / 200ms)) % 5 == 0 ? 4.0 : 1.0;
  };
  return queue_model{setup, pool_fixture{20}, hosts}.run();
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "prequal", {"spread = domains"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE(
    "of cold members the one with the least latency is picked, whatever its load below that") {
  auto options = keep_probes;
  options["hot_quantile"] = 0.7; // of the loads 0, 2, 3, 9 that is 3
  CHECK(counts_with({{2, 900us}, {3, 100us}, {0, 500us}, {9, 10us}}, options)[1] == 200);
}

TEST_CASE("when hot begins at the least load, the one with the fewest requests is picked") {
  auto options = keep_probes;
  options["hot_quantile"] = 0.0;
  CHECK(counts_with({{2, 900us}, {3, 100us}, {1, 5000us}, {9, 10us}}, options)[2] == 200);
}

TEST_CASE("when none can be hot, the one with the least latency is picked") {
  auto options = keep_probes;
  options["hot_quantile"] = 1.0;
  CHECK(counts_with({{2, 900us}, {3, 100us}, {0, 500us}, {9, 10us}}, options)[3] == 200);
}

TEST_CASE("of hot members alone the one with the fewest requests is picked") {
  pool_fixture pool{10};
  auto options = keep_probes;
  options["hot_quantile"] = 0.5;
  auto balancer = maker(plugin, options)(1);
  pool.update(*balancer);
  for (slot who = 0; who < 8; ++who)
    balancer->on_probe(who, {0, 100us}, pool.now);
  balancer->on_probe(8, {7, 1us}, pool.now);
  balancer->on_probe(9, {5, 9000us}, pool.now);
  std::vector<slot> tried{0, 1, 2, 3, 4, 5, 6, 7};
  CHECK(pool.pick(*balancer, 0, tried) == 9);
}

TEST_CASE("fewer than two usable probes: picks are random") {
  pool_fixture pool{4};
  auto balancer = make(1);
  pool.update(*balancer);
  std::vector<std::uint64_t> counts(4);
  for (int call = 0; call < 4000; ++call) {
    balancer->on_probe(0, {0, 1us}, pool.now);
    ++counts[pool.pick(*balancer)];
  }
  CHECK(chi_squared(counts) < chi_squared_max(4));
}

TEST_CASE("probes that are too old aren't used") {
  auto picks_at = [](spi::timestamp now) {
    std::set<slot> picks;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      pool_fixture pool{10};
      auto balancer = make(seed);
      pool.update(*balancer);
      balancer->on_probe(0, {0, 1us}, pool.now);
      balancer->on_probe(1, {0, 5us}, pool.now);
      pool.now = now;
      picks.insert(pool.pick(*balancer));
    }
    return picks;
  };
  CHECK(picks_at(1s) == std::set<slot>{0});
  CHECK(picks_at(1s + 1us).size() > 2); // at random
}

TEST_CASE("a probe is used so often that as many are used up as come in") {
  // 16 of 100 members are known: 0.84 new ones come in with each pick's probe.
  pool_fixture pool{100};
  auto balancer = maker(
      plugin, {{"removals_per_pick", 0.0}, {"probes_per_pick", 1.0}, {"hot_quantile", 1.0}})(1);
  pool.update(*balancer);
  int uses = 0;
  constexpr int rounds = 3000;
  for (int round = 0; round < rounds; ++round) {
    pool.now += 2s;                             // the probes of the last round are gone
    balancer->on_probe(9, {100, 1s}, pool.now); // with so high a load none is hot
    balancer->on_probe(0, {0, 1us}, pool.now);
    for (slot who = 1; who < 9; ++who)
      balancer->on_probe(who, {0, 1000us}, pool.now);
    while (pool.pick(*balancer) == 0)
      ++uses;
  }
  CHECK(static_cast<double>(uses) / rounds == doctest::Approx(2 / 0.84).epsilon(0.03));
}

TEST_CASE("each pick removes a probe, the worst and the oldest by turns") {
  std::set<slot> after_removal_of_3;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    pool_fixture pool{5};
    auto balancer = maker(plugin, {{"hot_quantile", 1.0}})(seed);
    pool.update(*balancer);
    balancer->on_probe(4, {100, 1us}, pool.now); // with so high a load none is hot
    pool.now += 2s;
    for (slot who = 0; who < 4; ++who)
      balancer->on_probe(who, {0, std::chrono::microseconds{100 + who}}, pool.now);
    CHECK(pool.pick(*balancer) == 0); // removes 3, the worst
    if (seed % 2 == 0) {
      CHECK(pool.pick(*balancer) == 0); // removes 0, the oldest
      CHECK(pool.pick(*balancer) == 1);
    } else {
      after_removal_of_3.insert(pool.pick(*balancer, 0, std::vector<slot>{0, 1}));
    }
  }
  CHECK(after_removal_of_3.size() > 1); // one probe is too few; with that of 3 it would be 2
}

TEST_CASE("a result is kept for every fourth member, four at least and the option at most") {
  for (auto [members, kept] : {std::pair{10, 4}, {40, 10}, {200, 16}}) {
    pool_fixture pool{static_cast<std::size_t>(members)};
    auto balancer = maker(plugin, {{"hot_quantile", 1.0}})(1);
    pool.update(*balancer);
    for (slot who = 0; who <= static_cast<slot>(kept); ++who)
      balancer->on_probe(who, {0, std::chrono::microseconds{100 + who}}, pool.now);
    CHECK(pool.pick(*balancer) == 1); // the oldest, of slot 0, is the best, and gone
  }
}

TEST_CASE("a picked member counts one more request, so that picks between probes spread") {
  pool_fixture pool{3};
  auto balancer = maker(plugin, {{"removals_per_pick", 0.0}, {"hot_quantile", 0.0}})(1);
  pool.update(*balancer);
  for (slot who = 0; who < 3; ++who)
    balancer->on_probe(who, {0, std::chrono::microseconds{1 + who}}, pool.now);
  CHECK(tally(*balancer, pool, 30) == std::vector<std::uint64_t>{10, 10, 10});
}

TEST_CASE("three different members are to be probed for each pick, or as the option says") {
  pool_fixture pool{20};
  pool.available[3] = 0;
  for (auto [rate, wanted] : {std::pair{3.0, 300U}, {0.5, 50U}, {0.0, 0U}, {2.25, 225U}}) {
    auto balancer = maker(plugin, {{"probes_per_pick", rate}})(1);
    pool.update(*balancer);
    std::size_t probes = 0;
    for (int call = 0; call < 100; ++call) {
      pool.pick(*balancer);
      std::vector<slot> whom(16, no_slot);
      auto count = balancer->wanted_probes(pool.now, pool.facts(), whom);
      std::set<slot> different(whom.begin(), whom.begin() + static_cast<std::ptrdiff_t>(count));
      CHECK(different.size() == count);
      CHECK(different.count(3) == 0);
      probes += count;
    }
    CHECK(probes == wanted);
  }
}

TEST_CASE("probes go to all members alike") {
  pool_fixture pool{10};
  auto balancer = make(1);
  pool.update(*balancer);
  std::vector<std::uint64_t> counts(10);
  for (int call = 0; call < 3000; ++call) {
    pool.pick(*balancer);
    slot whom[16];
    for (auto who : std::span{whom}.first(balancer->wanted_probes(pool.now, pool.facts(), whom)))
      ++counts[who];
  }
  CHECK(chi_squared(counts) < chi_squared_max(10));
}

TEST_CASE("probes follow their members to other slots, and go with those that leave") {
  pool_fixture pool{10};
  auto balancer = maker(plugin, keep_probes)(1);
  pool.update(*balancer);
  balancer->on_probe(2, {0, 1us}, pool.now);
  balancer->on_probe(3, {0, 5us}, pool.now);
  balancer->on_probe(4, {0, 9us}, pool.now);
  pool.exchange(2, 7);
  pool.update(*balancer);
  CHECK(pool.pick(*balancer) == 7);
  pool.leave(7);
  pool.update(*balancer);
  CHECK(pool.pick(*balancer) == 3);
}

TEST_CASE("the window's quantiles are those of the last 128 loads") {
  atl::balancers::load_window window;
  CHECK(window.quantile(0.5) == 0);
  spi::random_source random{1};
  std::vector<std::uint32_t> all;
  for (int report = 0; report < 600; ++report) {
    all.push_back(static_cast<std::uint32_t>(random.below(1 + report % 50)));
    window.add(all.back());
    std::vector<std::uint32_t> last(all.end() - std::min<std::ptrdiff_t>(128, std::ssize(all)),
                                    all.end());
    std::sort(last.begin(), last.end());
    REQUIRE(window.quantile(0) == last.front());
    REQUIRE(window.quantile(1) == last.back());
    REQUIRE(window.quantile(0.5) == last[(last.size() + 1) / 2 - 1]);
  }
}

TEST_CASE("with antagonist load it beats random picks and the fewest requests of one's own") {
  auto random = with_antagonists([](int host) { return std::make_unique<any_member>(host); });
  auto fewest = with_antagonists([](int host) { return std::make_unique<fewest_in_flight>(host); });
  auto probing = with_antagonists([](int host) { return make(host); });
  for (auto* each : {&random, &fewest, &probing})
    MESSAGE("mean " << each->mean() << ", p99 " << each->quantile(0.99));
  CHECK(probing.quantile(0.99) < 0.7 * fewest.quantile(0.99));
  CHECK(probing.quantile(0.99) < 0.4 * random.quantile(0.99));
}
