#include "common_rules.hpp"
#include "key_movement.hpp"

#include <maglev/lookup_table.hpp>

#include <cmath>
#include <stdexcept>

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, maglev, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, maglev, 1, 0, 0);
const auto make = maker(plugin);
const auto make_small = maker(plugin, {{"table_size", std::int64_t{1021}}});

/// The ids of the members of all entries.
std::vector<std::uint64_t> entries_of(const pool_fixture& pool, std::size_t size) {
  atl::balancers::lookup_table table{size};
  table.update(pool.members);
  std::vector<std::uint64_t> ids;
  auto step = ~std::uint64_t{0} / size;
  for (std::size_t i = 0; i < size; ++i)
    ids.push_back(pool.members[table.member_at(i * step + step / 2)].id);
  return ids;
}

std::vector<std::uint64_t> counts_of(const pool_fixture& pool, std::size_t size) {
  std::vector<std::uint64_t> counts(pool.size());
  for (auto id : entries_of(pool, size))
    ++counts[id - 1];
  return counts;
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "maglev", {"spread = domains", "keys = kept"});
}

TEST_CASE("the common rules hold") {
  check_common_rules(make_small);
}

TEST_CASE("the numbers of entries of equal members differ by at most one") {
  for (std::size_t members : {1, 3, 10, 100, 1000}) {
    auto counts = counts_of(pool_fixture{members}, 65'537);
    auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    CHECK(*most - *least <= 1);
    CHECK(*least >= 65'537 / members);
  }
}

TEST_CASE("the numbers of entries follow weights to one entry") {
  auto counts = counts_of(pool_fixture::weighing({1, 2.5, 0, 4, 0.01}), 65'537);
  auto weights = std::vector<double>{1, 2.5, 0, 4, 0.01};
  for (std::size_t i = 0; i < weights.size(); ++i)
    CHECK(std::abs(static_cast<double>(counts[i]) - 65'537 * weights[i] / 7.51) <= 1.5);
}

TEST_CASE("one of 100 members that leaves moves about 1.55 % of the entries") {
  pool_fixture pool{100};
  auto before = entries_of(pool, 65'537);
  double moved = 0;
  constexpr int leaving = 10;
  for (slot who = 0; who < leaving; ++who) {
    auto rest = pool;
    auto left = pool.members[who * 9].id;
    rest.leave(who * 9);
    moved += static_cast<double>(moved_keys(before, entries_of(rest, 65'537), left).moved);
  }
  auto share = moved / leaving / 65'537;
  MESSAGE("moved " << 100 * share << " %");
  CHECK(share > 0.014);
  CHECK(share < 0.017);
}

TEST_CASE("keys go to the same members whatever the seed and the order of the list") {
  check_seed_and_order_mean_nothing(make);
}

TEST_CASE("only the keys of an unavailable member move, to all others, and come back") {
  check_unavailable_member(make, 10, 20'000, 0.35);
}

TEST_CASE("more members than entries: each is picked when the others can't be") {
  pool_fixture pool{300};
  auto balancer = maker(plugin, {{"table_size", std::int64_t{251}}})(1);
  pool.update(*balancer);
  pool.available.assign(300, 0);
  for (slot who = 0; who < 300; ++who) {
    pool.available[who] = 1;
    CHECK(pool.pick(*balancer, who) == who);
    pool.available[who] = 0;
  }
}

TEST_CASE("a table size that isn't prime is refused, and the next prime named") {
  CHECK_THROWS_WITH_AS(
      maker(plugin, {{"table_size", std::int64_t{65'536}}})(1),
      "maglev: table_size is 65536, which isn't prime; the next prime number is 65537",
      std::invalid_argument);
}
