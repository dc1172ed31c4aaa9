#include "common_rules.hpp"

#include <copyset/permutations.hpp>

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, copyset, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, copyset, 1, 0, 0);
const auto make = maker(plugin);

using set_of_slots = std::set<slot>;

/// The different sets of members that `chunks` chunks of three replicas are on.
template <class Place>
std::set<set_of_slots> sets_of(int chunks, Place&& place) {
  std::set<set_of_slots> sets;
  for (int chunk = 0; chunk < chunks; ++chunk) {
    auto picks = place();
    sets.insert(set_of_slots(picks.begin(), picks.end()));
  }
  return sets;
}

/// How probable it is that all members of a set are among 5 of 60 that die at random.
double chance_of_loss(const std::set<set_of_slots>& sets) {
  constexpr int trials = 3000;
  spi::random_source random{7};
  int losses = 0;
  for (int trial = 0; trial < trials; ++trial) {
    set_of_slots dead;
    while (dead.size() < 5)
      dead.insert(static_cast<slot>(random.below(60)));
    std::vector<slot> order(dead.begin(), dead.end());
    auto is_lost = false;
    for (std::size_t a = 0; a < 5; ++a)
      for (std::size_t b = a + 1; b < 5; ++b)
        for (std::size_t c = b + 1; c < 5; ++c)
          is_lost |= sets.contains({order[a], order[b], order[c]});
    losses += is_lost;
  }
  return static_cast<double>(losses) / trials;
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "copyset", {"spread = domains"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE("60 members, 5 dead: random triples lose a chunk nearly always, copysets seldom") {
  constexpr int chunks = 10'250;
  spi::random_source random{1};
  auto random_sets = sets_of(chunks, [&] {
    set_of_slots triple;
    while (triple.size() < 3)
      triple.insert(static_cast<slot>(random.below(60)));
    return triple;
  });
  pool_fixture pool{60};
  auto balancer = make(1);
  pool.update(*balancer);
  auto copysets = sets_of(chunks, [&] { return pool.pick_many(*balancer, 3); });
  CHECK(copysets.size() == 40); // 2 permutations of 20 sets
  auto at_random = chance_of_loss(random_sets), with_copysets = chance_of_loss(copysets);
  MESSAGE("chance of loss: random " << at_random << ", copysets " << with_copysets);
  CHECK(at_random == doctest::Approx(0.95).epsilon(0.02));
  CHECK(with_copysets == doctest::Approx(0.0117).epsilon(0.5));
}

TEST_CASE("a member shares chunks with about as many others as the scatter width says") {
  for (std::int64_t width : {2, 4, 10}) {
    pool_fixture pool{60};
    auto balancer = maker(plugin, {{"scatter_width", width}})(1);
    pool.update(*balancer);
    std::vector<set_of_slots> others(60);
    for (auto& each : sets_of(5000, [&] { return pool.pick_many(*balancer, 3); }))
      for (auto who : each)
        others[who].insert(each.begin(), each.end());
    double sum = 0;
    for (auto& each : others)
      sum += static_cast<double>(each.size() - 1);
    CHECK(sum / 60 <= static_cast<double>(width));
    CHECK(sum / 60 > 0.85 * static_cast<double>(width));
  }
}

TEST_CASE(
    "each member gets as many chunks, and is first as often, even if sets don't come out even") {
  for (std::size_t members : {5, 7, 10, 60, 61}) {
    pool_fixture pool{members};
    auto balancer = make(1);
    pool.update(*balancer);
    CHECK(chi_squared(tally(*balancer, pool, 6000, 3)) < chi_squared_max(members));
    std::vector<std::uint64_t> first(members);
    for (int call = 0; call < 6000; ++call)
      ++first[pool.pick_many(*balancer, 3)[0]];
    CHECK(chi_squared(first) < chi_squared_max(members));
    CHECK(chi_squared(tally(*balancer, pool, 6000)) < chi_squared_max(members));
  }
}

TEST_CASE("the sets are the same with any seed and order of the list") {
  pool_fixture pool{30};
  auto ids_of_sets = [&](std::uint64_t seed) {
    auto balancer = make(seed);
    pool.update(*balancer);
    std::set<std::set<std::uint64_t>> sets;
    for (int chunk = 0; chunk < 1000; ++chunk) {
      std::set<std::uint64_t> ids;
      for (auto who : pool.pick_many(*balancer, 3))
        ids.insert(pool.members[who].id);
      sets.insert(ids);
    }
    return sets;
  };
  auto before = ids_of_sets(1);
  CHECK(before.size() == 20);
  pool.exchange(0, 29);
  pool.exchange(4, 9);
  CHECK(ids_of_sets(2) == before);
}

TEST_CASE("the members of a set are in different domains, and no more sets for it") {
  pool_fixture pool{60};
  for (std::size_t i = 0; i < 60; ++i)
    pool.members[i].domain = static_cast<std::uint32_t>(i % 6);
  auto balancer = make(1);
  pool.update(*balancer);
  auto sets = sets_of(5000, [&] { return checked_picks(*balancer, pool, 3, 0); });
  CHECK(sets.size() <= 40); // two permutations may have a set in common
  CHECK(sets.size() > 30);
}

TEST_CASE("a member that is down is replaced in its sets, and the others stay as they are") {
  pool_fixture pool{60};
  auto balancer = make(1);
  pool.update(*balancer);
  auto before = sets_of(3000, [&] { return pool.pick_many(*balancer, 3); });
  pool.available[17] = 0;
  auto after = sets_of(3000, [&] { return pool.pick_many(*balancer, 3); });
  for (auto& each : before)
    CHECK(after.contains(each) == !each.contains(17));
  CHECK(after.size() == 40);
}

TEST_CASE("a permutation has each member of a weight above 0 once") {
  auto pool = pool_fixture::in_domains("aaabbbccdefggg");
  pool.members[3].weight = 0;
  atl::balancers::permutations permutations{5};
  permutations.update(pool.members);
  CHECK(permutations.size() == 13);
  CHECK(permutations.domains() == 7);
  std::set<std::vector<slot>> different;
  for (std::size_t number = 0; number < 5; ++number) {
    std::vector<slot> order(permutations[number].begin(), permutations[number].end());
    different.insert(order);
    std::sort(order.begin(), order.end());
    CHECK(order == std::vector<slot>{0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13});
  }
  CHECK(different.size() == 5);
}
