#include "scripted_balancer.hpp"

#include <atoll/core/balanced_pool.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using atl::balanced_pool;
using atl::errc;
using atl::pool_member;
using ids = std::vector<std::uint64_t>;
namespace spi = atl::spi;

namespace {

/// Members 10, 11, …, one for each letter, which is its failure domain; `-`: a domain of its own.
std::vector<pool_member> members_in(const std::string& domains) {
  std::vector<pool_member> made(domains.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i].id = 10 + i;
    if (domains[i] != '-')
      made[i].domain = domains[i];
  }
  return made;
}

struct fixture {
  std::shared_ptr<test::scripted_balancer> balancer = std::make_shared<test::scripted_balancer>();
  balanced_pool pool;

  explicit fixture(const std::string& domains = "---", atl::pool_options options = {})
      : pool{balancer, "scripted", options} {
    REQUIRE(pool.update(members_in(domains), 0us).has_value());
  }

  std::uint64_t pick(ids excluded = {}, spi::timestamp now = 0us) {
    auto picked = pool.pick(0, now, excluded);
    REQUIRE(picked.has_value());
    return picked->value_or(0);
  }
  ids pick_many(std::size_t count, ids excluded = {}, spi::timestamp now = 0us) {
    auto picked = pool.pick_many(0, count, now, excluded);
    REQUIRE(picked.has_value());
    return *picked;
  }
  void fail(std::uint64_t id, int times, spi::timestamp now) {
    for (int i = 0; i < times; ++i) {
      pool.begin(id);
      pool.finish(id, {false, 1ms}, now);
    }
  }
};

} // namespace

TEST_CASE("a pool picks the members that are available, and not those that a request excludes") {
  fixture it;
  CHECK(it.pick() == 10);
  CHECK(it.pick({10}) == 11);
  CHECK(it.pick({10, 11, 12}) == 0);
  CHECK(it.pick({99}) == 10); // a member that left
  it.pool.set_available(10, false, 0us);
  CHECK(it.pick() == 11);
  CHECK(it.pick_many(5) == ids{11, 12});
  CHECK(it.pick_many(5, {11}) == ids{12});
  CHECK(it.pick_many(0).empty());
}

TEST_CASE("a full member isn't picked, and an ejected one not in its place") {
  atl::pool_options options;
  options.outliers.failures = 1;
  fixture it{"---", options};
  it.pool.set_full(10, true);
  CHECK(it.pick() == 11);
  it.fail(11, 1, 0us);
  CHECK(it.pool.is_ejected(11));
  it.pool.set_full(12, true);
  CHECK(it.pick() == 0);
  CHECK(it.pick_many(3).empty());
  it.pool.set_full(12, false);
  CHECK(it.pick() == 12);

  // Without a healthy member the ejected one is better than none.
  it.pool.set_available(10, false, 0us);
  it.pool.set_available(12, false, 0us);
  CHECK(it.pick() == 11);
  it.pool.set_full(11, true);
  CHECK(it.pick() == 0);
}

TEST_CASE("a member stays full when the list changes, and when it was away") {
  fixture it;
  it.pool.set_full(10, true);
  REQUIRE(it.pool.update(members_in("-a"), 0us).has_value());
  CHECK(it.pick() == 11);
  it.pool.set_available(10, false, 0us);
  it.pool.set_available(10, true, 0us);
  CHECK(it.pick() == 11);
  it.pool.set_full(10, false);
  CHECK(it.pick() == 10);
}

TEST_CASE("a pool without members picks none") {
  fixture it{""};
  CHECK(it.pick() == 0);
  CHECK(it.pick_many(3).empty());
}

TEST_CASE("several picks are in different failure domains while there are any") {
  fixture it{"xxyx-"};
  CHECK(it.pick_many(3) == ids{10, 12, 14});
  CHECK(it.pick_many(5) == ids{10, 12, 14, 11, 13});
}

TEST_CASE("the balancer is told the members when they change, and only then") {
  fixture it{"xy"};
  CHECK(it.balancer->updates == 1);
  auto same = members_in("xy");
  same[0].free_bytes = 7;
  same[1].available = false;
  REQUIRE(it.pool.update(same, 0us).has_value());
  CHECK(it.balancer->updates == 1);
  CHECK(it.pick({10}) == 0);
  it.balancer->on_pick = [](auto&, auto& facts) { return facts.free_bytes[0] == 7 ? 0U : 9U; };
  CHECK(it.pick() == 10);
  same[0].weight = 3;
  REQUIRE(it.pool.update(same, 0us).has_value());
  CHECK(it.balancer->updates == 2);
  CHECK(it.balancer->members[0].weight == 3);
}

TEST_CASE("what is known of a member stays with it when the list changes its order") {
  fixture it{"---"};
  it.pool.begin(12);
  it.pool.begin(12);
  it.pool.finish(12, {true, 5ms}, 1ms);
  it.pool.set_reported_in_flight(12, 4);
  auto changed = members_in("---");
  std::swap(changed[0], changed[2]);
  changed.pop_back(); // member 10 leaves
  REQUIRE(it.pool.update(changed, 2ms).has_value());
  it.balancer->on_pick = [](auto&, auto& facts) {
    CHECK(facts.in_flight[0] == 1);
    CHECK(facts.reported_in_flight[0] == 4);
    CHECK(facts.latency[0] == doctest::Approx(5'000));
    return 0U;
  };
  CHECK(it.pick() == 12);
  it.pool.finish(10, {true, 1ms}, 3ms); // its request ends after it left
  CHECK(it.balancer->outcomes.size() == 1);
}

TEST_CASE("a list that makes no sense is refused, and changes nothing") {
  fixture it{"--"};
  auto wrong = members_in("--");
  SUBCASE("a negative weight") {
    wrong[1].weight = -1;
  }
  SUBCASE("a weight that is no number") {
    wrong[1].weight = std::nan("");
  }
  SUBCASE("an infinite weight") {
    wrong[1].weight = std::numeric_limits<double>::infinity();
  }
  SUBCASE("an id that stands twice") {
    wrong[1].id = wrong[0].id;
  }
  auto updated = it.pool.update(wrong, 0us);
  REQUIRE_FALSE(updated.has_value());
  CHECK(updated.error().code == errc::invalid);
  CHECK(it.pool.size() == 2);
  CHECK(it.pick() == 10);
}

TEST_CASE("a balancer that throws fails the call, by name, and is asked again for the next one") {
  fixture it;
  it.balancer->on_pick = [](auto&, auto&) -> spi::slot { throw std::runtime_error{"no luck"}; };
  auto picked = it.pool.pick(0, 0us);
  REQUIRE_FALSE(picked.has_value());
  CHECK(picked.error().code == errc::internal);
  CHECK(picked.error().message.find("the balancer plugin 'scripted' threw: no luck") == 0);
  CHECK_FALSE(it.pool.pick_many(0, 2, 0us).has_value());
  it.balancer->on_pick = [](auto&, auto&) -> spi::slot { throw 3; };
  CHECK_FALSE(it.pool.pick(0, 0us).has_value());
  CHECK(it.pool.plugin_errors() == 3);
  it.balancer->on_pick = nullptr;
  CHECK(it.pick() == 10);
}

TEST_CASE("a balancer that throws at new members leaves the pool empty until it takes a list") {
  fixture it{"--"};
  it.balancer->throws_in_update = true;
  CHECK_FALSE(it.pool.update(members_in("---"), 0us).has_value());
  CHECK(it.pool.size() == 0);
  CHECK(it.pick() == 0);
  it.balancer->throws_in_update = false;
  CHECK(it.pool.update(members_in("---"), 0us).has_value());
  CHECK(it.pick_many(5).size() == 3);
}

TEST_CASE("picks that a balancer must not make are errors of the plugin") {
  fixture it;
  it.pool.set_available(11, false, 0us);
  auto refuses = [&](spi::slot slot, const std::string& why) {
    it.balancer->on_pick = [slot](auto&, auto&) { return slot; };
    ids excluded{12};
    auto one = it.pool.pick(0, 0us, excluded);
    REQUIRE_FALSE(one.has_value());
    CHECK(one.error().message.find(why) != std::string::npos);
    auto many = it.pool.pick_many(0, 2, 0us, excluded);
    REQUIRE_FALSE(many.has_value());
    CHECK(many.error().message.find(why) != std::string::npos);
  };
  refuses(3, "picked member number 3 of 3");
  refuses(1, "picked member 11, which isn't available");
  refuses(2, "picked member 12, which the request was not to go to");
}

TEST_CASE("time never goes back for a balancer") {
  fixture it;
  it.pick({}, 5ms);
  it.pick({}, 3ms);
  CHECK(it.balancer->now == 5ms);
}

TEST_CASE("requests in flight are counted until they end, however they end") {
  fixture it;
  it.pool.begin(10);
  it.pool.begin(10);
  it.pool.begin(10);
  CHECK(it.pool.in_flight(10) == 3);
  it.pool.finish(10, {true, 1ms}, 0us);
  it.pool.finish(10, {false, 1ms}, 0us);
  it.pool.cancel(10);
  it.pool.cancel(10); // one too many
  CHECK(it.pool.in_flight(10) == 0);
  CHECK(it.balancer->outcomes == std::vector<std::pair<spi::slot, bool>>{{0, true}, {0, false}});
}

TEST_CASE("a member whose requests fail in a row is ejected for a while") {
  fixture it;
  it.fail(10, 4, 1s);
  CHECK(it.pick({}, 1s) == 10);
  it.fail(10, 1, 1s);
  CHECK(it.pick({}, 1s) == 11);
  CHECK(it.pool.ejected() == 1);
  CHECK_FALSE(it.pool.is_usable(10));
  CHECK(it.pick({}, 5'999ms) == 11);
  CHECK(it.pick({}, 6s) == 10);
  CHECK(it.pool.ejected() == 0);
}

TEST_CASE("an ejection stays with its member when the list changes, and ends in a slow start") {
  fixture it{"---", {.slow_start = 10s, .seed = 1}};
  it.fail(10, 5, 1s);
  auto changed = members_in("---");
  std::swap(changed[0], changed[2]);
  REQUIRE(it.pool.update(changed, 1s).has_value());
  CHECK(it.pool.ejected() == 1);
  CHECK_FALSE(it.pool.is_usable(10));
  int picks = 0;
  for (int i = 0; i < 1'000; ++i)
    picks += it.pick({11, 12}, 6s) == 10; // no other member may be picked
  CHECK(picks == 1'000);
  picks = 0;
  for (int i = 0; i < 1'000; ++i)
    picks += it.pick({12}, 6s) == 10; // member 11 comes first in the list
  CHECK(picks == 0);
  picks = 0;
  it.balancer->on_pick = [](auto& request, auto&) { return request.tried.size() > 0 ? 0U : 2U; };
  for (int i = 0; i < 1'000; ++i)
    picks += it.pick({}, 6s) == 10;
  CHECK(picks > 60);
  CHECK(picks < 140);
}

TEST_CASE("an ejected member is picked when no other is left, and after all others") {
  fixture it;
  it.fail(10, 5, 1s);
  CHECK(it.pick_many(3, {}, 1s) == ids{11, 12, 10});
  CHECK(it.pick_many(3, {11}, 1s) == ids{12, 10});
  CHECK(it.pick_many(3, {10}, 1s) == ids{11, 12});
  CHECK(*it.pool.order(0, ids{10, 12}, 1s) == ids{12, 10});
  CHECK(it.pick({11, 12}, 1s) == 10);
  it.pool.set_available(10, false, 1s);
  CHECK(it.pick({11, 12}, 1s) == 0);
}

TEST_CASE("a member that comes back gets its share little by little") {
  fixture it{"--", {.slow_start = 10s, .seed = 1}};
  it.pool.set_available(10, false, 0us);
  it.pool.set_available(10, true, 0us);
  auto picks_at = [&](spi::timestamp now) {
    int picks = 0;
    for (int i = 0; i < 1'000; ++i)
      picks += it.pick({}, now) == 10;
    return picks;
  };
  auto at_first = picks_at(0us);
  CHECK(at_first > 60);
  CHECK(at_first < 140);
  auto half = picks_at(5s);
  CHECK(half > 430);
  CHECK(half < 570);
  CHECK(picks_at(10s) == 1'000);
}

TEST_CASE("a member that starts slowly is still picked if there is no other") {
  fixture it{"--", {.slow_start = 10s}};
  it.pool.set_available(10, false, 0us);
  it.pool.set_available(10, true, 0us);
  for (int i = 0; i < 100; ++i) {
    CHECK(it.pick({11}) == 10);
    CHECK(it.pick_many(1, {11}) == ids{10});
    CHECK(it.pick_many(2).size() == 2);
  }
}

TEST_CASE("a newcomer starts slowly, the first members of a pool don't") {
  fixture it{"-", {.slow_start = 10s}};
  auto more = members_in("--");
  std::swap(more[0], more[1]);
  REQUIRE(it.pool.update(more, 1s).has_value());
  int picks = 0;
  for (int i = 0; i < 1'000; ++i)
    picks += it.pick({}, 1s) == 11;
  CHECK(picks > 60);
  CHECK(picks < 140);
}

TEST_CASE("members in the owner's domain are preferred while enough of them are available") {
  fixture it{"xyyx", {.local_domain = "y", .local_min = 0.6}};
  CHECK(it.pick() == 11);
  CHECK(it.pick({11}) == 12);
  CHECK(it.pick({11, 12}) == 10);
  CHECK(it.pick_many(3) == ids{11, 12, 10});
  it.pool.set_available(11, false, 0us);
  CHECK(it.pick() == 10); // half of the local members aren't enough for all requests
}

TEST_CASE("an ejected member that a request excludes isn't picked, among many exclusions either") {
  constexpr std::size_t count = 20;
  fixture it{std::string(count, '-')};
  it.fail(10, 5, 0us);
  it.fail(11, 5, 0us);
  ids all_but_ejected, excluded;
  for (std::uint64_t id = 12; id < 10 + count; ++id)
    all_but_ejected.push_back(id);
  CHECK(it.pick(all_but_ejected) == 10);
  excluded = all_but_ejected;
  excluded.push_back(10);
  CHECK(it.pick(excluded) == 11);
  CHECK(it.pick_many(count, excluded) == ids{11});
  excluded.push_back(11);
  CHECK(it.pick(excluded) == 0);
  CHECK(it.pool.order(0, ids{10, 12}, 0us) == ids{12, 10});
  CHECK(it.pool.order(0, ids{11}, 0us) == ids{11});
}

TEST_CASE("many exclusions are honoured like a few") {
  fixture it{std::string(100, '-')};
  ids excluded;
  for (std::uint64_t id = 10; id < 90; ++id)
    excluded.push_back(id);
  CHECK(it.pick(excluded) == 90);
  CHECK(it.pick_many(50, excluded).size() == 20);
  CHECK(it.pick() == 10); // the next request may go to all again
  it.fail(50, 5, 0us);
  CHECK(it.pick_many(50, excluded).size() == 20); // an ejected member is excluded like any
}

TEST_CASE("replicas are ordered by preference, without those that aren't available") {
  fixture it{"xyxyz", {.local_domain = "y", .local_min = 0}};
  it.pool.set_available(13, false, 0us);
  CHECK(*it.pool.order(0, ids{14, 13, 12, 99, 11}, 0us) == ids{11, 12, 14});
  CHECK(it.pool.order(0, ids{}, 0us)->empty());
  CHECK(it.pick() == 11);
}

TEST_CASE("a pool names the members that lack space") {
  fixture it;
  it.pool.set_free_bytes(10, 100);
  it.pool.set_free_bytes(12, 99);
  CHECK(it.pool.with_less_space_than(100) == ids{11, 12});
}

TEST_CASE("probes go to the members that the balancer names") {
  fixture it;
  it.balancer->probes = {2, 0, 7};
  CHECK(it.pool.wanted_probes(0us) == ids{12, 10});
  CHECK(it.pool.plugin_errors() == 1); // there is no member 7
  it.balancer->probes.assign(100, 1);
  CHECK(it.pool.wanted_probes(0us).size() == balanced_pool::probes_max);
  it.pool.on_probe(12, {9, 2ms}, 1ms);
  it.pool.on_probe(99, {9, 2ms}, 1ms);
  CHECK(it.balancer->probed == std::vector<std::pair<spi::slot, std::uint32_t>>{{2, 9}});
  it.balancer->on_pick = [](auto&, auto& facts) {
    return facts.reported_in_flight[2] == 9 ? 2U : 0U;
  };
  CHECK(it.pick() == 12);
}
