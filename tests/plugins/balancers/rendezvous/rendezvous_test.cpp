#include "common_rules.hpp"
#include "key_movement.hpp"

#include <rendezvous/bit_permutation.hpp>

#include <set>
#include <stdexcept>

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, rendezvous, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, rendezvous, 1, 0, 0);
const auto make = maker(plugin);
const auto make_small = maker(plugin, {{"table_size", std::int64_t{1024}}});

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "rendezvous", {"spread = domains", "keys = minimal"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make_small);
}

TEST_CASE("keys move only from or to the member that changes") {
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    check_minimal_movement(*make_small(1), seed, 7);
}

TEST_CASE("keys go to the same members whatever the seed and the order of the list") {
  check_seed_and_order_mean_nothing(make);
}

TEST_CASE("one more member of n moves 1 in n + 1 keys") {
  keyed_pool pool{make, 9, 50'000};
  auto joined = pool.join().id;
  pool.update();
  auto movement = pool.moved(joined);
  CHECK(movement.needless == 0);
  CHECK(movement.moved > 4700);
  CHECK(movement.moved < 5300);
}

TEST_CASE("a permutation has each number once, and is undone") {
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (unsigned bits : {10U, 11U, 16U}) {
      atl::balancers::bit_permutation permutation{seed, bits};
      std::set<std::uint64_t> results;
      std::size_t wrong = 0;
      for (std::uint64_t number = 0; number < 1U << bits; number += bits == 16 ? 97 : 1) {
        results.insert(permutation(number));
        wrong += permutation.undo(permutation(number)) != number;
        wrong += permutation(number) >= 1U << bits;
      }
      CHECK(wrong == 0);
      if (bits < 16)
        CHECK(results.size() == 1U << bits);
    }
}

TEST_CASE("the fullest of 10 members has 1.04 times the mean in 19 of 20 pools") {
  auto shares = greatest_shares(make, 10, 40, 100'000);
  CHECK(shares[38] < 1.05);
}

TEST_CASE("shares follow weights, of two members and of many") {
  auto pool = pool_fixture::weighing({1, 3});
  auto balancer = make(1);
  pool.update(*balancer);
  CHECK(tally(*balancer, pool, 100'000)[0] == doctest::Approx(25'000).epsilon(0.03));
  pool = pool_fixture::weighing({1, 2, 0, 3, 4});
  pool.update(*balancer);
  auto counts = tally(*balancer, pool, 100'000);
  for (std::size_t i : {0, 1, 3, 4})
    CHECK(static_cast<double>(counts[i]) ==
          doctest::Approx(10'000 * pool.members[i].weight).epsilon(0.04));
  CHECK(counts[2] == 0);
}

TEST_CASE("a common factor of all weights changes nothing") {
  auto pool = pool_fixture::weighing({1, 2, 3});
  auto balancer = make_small(1);
  pool.update(*balancer);
  auto before = members_of_keys(*balancer, pool, 1000);
  for (auto& member : pool.members)
    member.weight *= 0x1p900;
  pool.update(*balancer);
  CHECK(members_of_keys(*balancer, pool, 1000) == before);
}

TEST_CASE("the keys of an unavailable member are divided among all others") {
  check_unavailable_member(make, 10, 90'000, 0.2);
}

TEST_CASE("when all members of an entry are down, its keys are divided among the rest by weight") {
  pool_fixture pool{40};
  pool.members[38].weight = 3;
  auto balancer = make_small(1);
  pool.update(*balancer);
  for (slot who = 0; who < 38; ++who)
    pool.available[who] = 0;
  auto counts = tally(*balancer, pool, 40'000);
  CHECK(static_cast<double>(counts[38]) == doctest::Approx(30'000).epsilon(0.05));
  CHECK(static_cast<double>(counts[39]) == doctest::Approx(10'000).epsilon(0.05));
}

TEST_CASE("a table size that isn't a power of two is refused, and the next one named") {
  CHECK_THROWS_WITH_AS(
      maker(plugin, {{"table_size", std::int64_t{65'537}}})(1),
      "rendezvous: table_size is 65537, which isn't a power of two; the next one is 131072",
      std::invalid_argument);
}
