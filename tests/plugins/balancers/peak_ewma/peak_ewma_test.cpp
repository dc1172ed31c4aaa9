#include "common_rules.hpp"
#include "queue_model.hpp"

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, peak_ewma, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, peak_ewma, 1, 0, 0);
const auto make = maker(plugin);

std::unique_ptr<spi::balancer> make_for(const pool_fixture& pool, std::uint64_t seed = 1) {
  auto balancer = make(seed);
  pool.update(*balancer);
  return balancer;
}

using std::chrono::microseconds;

std::unique_ptr<spi::balancer> make_with_decay(microseconds decay, const pool_fixture& pool) {
  auto balancer = maker(plugin, {{"decay", std::int64_t{decay.count()}}})(1);
  pool.update(*balancer);
  return balancer;
}

void answer(spi::balancer& balancer, const pool_fixture& pool, slot who, int us, bool ok = true) {
  balancer.observe(who, {ok, microseconds{us}}, pool.now);
}

/// The less loaded of two members drawn at random, whatever their latency.
struct two_choices : spi::balancer {
  spi::random_source random{1};
  std::size_t size = 0;

  void update(std::span<const spi::member> members) override { size = members.size(); }

  slot pick(const spi::pick_request&, const spi::member_facts& facts) override {
    auto a = static_cast<slot>(random.below(size)), b = static_cast<slot>(random.below(size));
    return facts.in_flight[b] < facts.in_flight[a] ? b : a;
  }
};

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "peak_ewma", {"spread = domains", "avoids = slow"});
  REQUIRE(plugin.options.size() == 1);
  CHECK(std::string{plugin.options[0].name} == "decay");
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE("the member with the lower latency is picked, until it has as much more to do") {
  pool_fixture pool{2};
  auto balancer = make_for(pool);
  answer(*balancer, pool, 0, 100);
  answer(*balancer, pool, 1, 350);
  for (std::uint32_t pending : {0, 1, 2}) {
    pool.in_flight[0] = pending;
    CHECK(spelled(*balancer, pool, 10) == std::string(10, 'a'));
  }
  pool.in_flight[0] = 3;
  CHECK(spelled(*balancer, pool, 10) == std::string(10, 'b'));
  pool.in_flight[0] = 0;
  pool.reported_in_flight[0] = 3;
  CHECK(spelled(*balancer, pool, 10) == std::string(10, 'b'));
}

TEST_CASE("one slow answer counts in full at once, and quick ones bring the average down slowly") {
  pool_fixture pool{2};
  auto balancer = make_with_decay(microseconds{100'000}, pool);
  answer(*balancer, pool, 1, 300);
  answer(*balancer, pool, 0, 100);
  answer(*balancer, pool, 0, 2000);
  CHECK(pool.pick(*balancer) == 1);
  int answers = 0;
  for (; pool.pick(*balancer) == 1; ++answers) {
    pool.now += microseconds{10'000};
    answer(*balancer, pool, 0, 100);
    answer(*balancer, pool, 1, 300);
    REQUIRE(answers < 1000);
  }
  // 100 + 1900 · e^(-answers / 10) falls below 300 at the 23rd.
  CHECK(answers == 23);
}

TEST_CASE("a member that was slow is tried again after some times of the decay") {
  pool_fixture pool{2};
  auto balancer = make_with_decay(microseconds{100'000}, pool);
  answer(*balancer, pool, 0, 1000);
  int passed = 0;
  for (; passed < 100; ++passed) {
    answer(*balancer, pool, 1, 100);
    if (pool.pick(*balancer) == 0)
      break;
    pool.now += microseconds{10'000};
  }
  CHECK(passed == 24); // e^-2.4 < 1/10
}

TEST_CASE("a member that has not answered yet gets one request, and no second one") {
  pool_fixture pool{2};
  auto balancer = make_for(pool);
  answer(*balancer, pool, 0, 100);
  CHECK(pool.pick(*balancer) == 1);
  pool.in_flight[1] = 1;
  CHECK(spelled(*balancer, pool, 10) == std::string(10, 'a'));
}

TEST_CASE("a quick failure makes a member no better, a slow one makes it worse") {
  pool_fixture pool{2};
  auto balancer = make_for(pool);
  answer(*balancer, pool, 0, 200);
  answer(*balancer, pool, 1, 300);
  for (int i = 0; i < 50; ++i) {
    pool.now += microseconds{1000};
    answer(*balancer, pool, 0, 200);
    answer(*balancer, pool, 1, 1, false);
  }
  CHECK(pool.pick(*balancer) == 0);
  answer(*balancer, pool, 0, 5000, false);
  CHECK(pool.pick(*balancer) == 1);
}

TEST_CASE("what was learnt of a member stays with its id") {
  pool_fixture pool{2};
  auto balancer = make_for(pool);
  answer(*balancer, pool, 0, 100);
  answer(*balancer, pool, 1, 5000);
  pool.exchange(0, 1);
  pool.update(*balancer);
  CHECK(spelled(*balancer, pool, 10) == std::string(10, 'b'));
}

TEST_CASE("requests in flight count by weight") {
  auto pool = pool_fixture::weighing({1, 4});
  auto balancer = make_for(pool);
  answer(*balancer, pool, 0, 100);
  answer(*balancer, pool, 1, 100);
  pool.in_flight = {1, 6};
  CHECK(spelled(*balancer, pool, 10) == std::string(10, 'b'));
  pool.in_flight = {1, 8};
  CHECK(spelled(*balancer, pool, 10) == std::string(10, 'a'));
}

TEST_CASE("a member that is ten times slower gets almost nothing, and delays almost no request") {
  queue_setup setup{.service = std::vector<double>(10, 10'000), .load = 0.7, .requests = 200'000};
  pool_fixture pool{10};
  setup.slowdown = [](slot who, spi::timestamp) { return who == 3 ? 10.0 : 1.0; };
  auto result = run_queue(setup, *make_with_decay(std::chrono::seconds{10}, pool));
  two_choices by_load_alone;
  auto reference = run_queue(setup, pool, by_load_alone);
  CHECK(result.share(3) < 0.01); // an equal share is 0.1
  CHECK(result.quantile(0.99) < reference.quantile(0.99) / 2);
}
