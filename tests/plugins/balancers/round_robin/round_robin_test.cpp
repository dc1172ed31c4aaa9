#include "common_rules.hpp"

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, round_robin, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, round_robin, 1, 0, 0);
const auto make = maker(plugin);

std::unique_ptr<spi::balancer> starting(const std::string& at, const pool_fixture& pool,
                                        std::uint64_t seed = 1) {
  auto balancer = maker(plugin, {{"start", at}})(seed);
  pool.update(*balancer);
  return balancer;
}

/// Calls `visit` with every way to put `n` members in failure domains: "aa", "ab", …
template <class Visit>
void for_each_layout(std::size_t n, std::string letters, char next, Visit&& visit) {
  if (letters.size() == n)
    return visit(letters);
  for (char letter = 'a'; letter <= next; ++letter)
    for_each_layout(n, letters + letter, letter == next ? static_cast<char>(next + 1) : next,
                    visit);
}

/// The most by which the counts of members in domains of the same size, which are due the same,
/// ever differ.
std::uint64_t greatest_gap(const std::string& domains, std::size_t count, std::size_t calls) {
  auto pool = pool_fixture::in_domains(domains);
  auto balancer = starting("random", pool, domains.size());
  std::vector<std::uint64_t> counts(pool.size());
  auto domain_size = [&](std::size_t i) {
    return std::count(domains.begin(), domains.end(), domains[i]);
  };
  std::uint64_t gap = 0;
  for (std::size_t call = 0; call < calls; ++call) {
    for (auto who : pool.pick_many(*balancer, count))
      ++counts[who];
    for (std::size_t a = 0; a < pool.size(); ++a)
      for (std::size_t b = 0; b < pool.size(); ++b)
        if (domain_size(a) == domain_size(b) && counts[a] > counts[b])
          gap = std::max(gap, counts[a] - counts[b]);
  }
  return gap;
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "round_robin", {"shares = uniform", "smooth = yes", "spread = domains"});
  REQUIRE(plugin.options.size() == 1);
  CHECK(std::string{plugin.options[0].name} == "start");
}

TEST_CASE("the common rules hold") {
  check_common_rules(make);
}

TEST_CASE("members take turns in the order of their ids, whatever their weights") {
  auto pool = pool_fixture::weighing({1, 50, 1, 0});
  CHECK(spelled(*starting("lowest", pool), pool, 9) == "abcdabcda");
}

TEST_CASE("the order of the list doesn't matter") {
  pool_fixture pool{4};
  auto balancer = starting("lowest", pool);
  spi::random_source random{9};
  std::string ids;
  for (int call = 0; call < 12; ++call) {
    for (auto i = pool.size(); i > 1; --i)
      pool.exchange(static_cast<slot>(i - 1), static_cast<slot>(random.below(i)));
    pool.update(*balancer);
    ids += std::to_string(pool.members[pool.pick(*balancer)].id);
  }
  CHECK(ids == "123412341234");
}

TEST_CASE("different seeds begin with different members, unless start is lowest") {
  pool_fixture pool{5};
  std::vector<std::uint64_t> first(5), first_lowest(5);
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    ++first[pool.pick(*starting("random", pool, seed))];
    ++first_lowest[pool.pick(*starting("lowest", pool, seed))];
  }
  CHECK(chi_squared(first) < chi_squared_max(5));
  CHECK(first_lowest[0] == 1000);
}

TEST_CASE("wherever the turns begin, they go on in the order of ids") {
  pool_fixture pool{4};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto picks = spelled(*starting("random", pool, seed), pool, 8);
    CHECK(std::string{"abcdabcdabcd"}.find(picks) != std::string::npos);
  }
}

TEST_CASE("counts differ by one at most") {
  for (std::size_t n = 1; n <= 40; ++n) {
    pool_fixture pool{n};
    auto balancer = starting("random", pool, n);
    std::vector<std::uint64_t> counts(n);
    for (std::size_t call = 0; call < 5 * n; ++call) {
      ++counts[pool.pick(*balancer)];
      auto [least, most] = std::minmax_element(counts.begin(), counts.end());
      CHECK(*most - *least <= 1);
    }
  }
}

TEST_CASE("three at a time, counts of equal shares differ by one at most, in any domains") {
  for (std::size_t n = 1; n <= 7; ++n)
    for_each_layout(n, "", 'a', [](const std::string& domains) {
      CHECK_MESSAGE(greatest_gap(domains, 3, 60) <= 1, domains);
    });
}

TEST_CASE("any number at a time, counts of equal shares differ by one at most, in any domains") {
  for (std::size_t n = 1; n <= 6; ++n)
    for_each_layout(n, "", 'a', [&](const std::string& domains) {
      for (std::size_t count = 1; count <= n; ++count)
        CHECK_MESSAGE(greatest_gap(domains, count, 40) <= 1, domains << " by " << count);
    });
}

TEST_CASE("a domain with more than its part of the members gives one a call, shared evenly") {
  auto pool = pool_fixture::in_domains("xxxy");
  CHECK(tally(*starting("lowest", pool), pool, 300, 2) ==
        std::vector<std::uint64_t>{100, 100, 100, 300});
}

TEST_CASE("the member after one that is down gets no more than the others") {
  pool_fixture pool{4};
  auto balancer = starting("lowest", pool);
  pool.available[1] = 0;
  CHECK(spelled(*balancer, pool, 7) == "acdacda");
}

TEST_CASE("a new member gets its share and no more, and starves no other") {
  pool_fixture pool{3};
  auto balancer = starting("random", pool);
  tally(*balancer, pool, 1000);
  pool.join();
  pool.update(*balancer);
  for (auto count : tally(*balancer, pool, 400)) {
    CHECK(count >= 99);
    CHECK(count <= 101);
  }
}

TEST_CASE("a new member at every call doesn't keep the others from their turn") {
  pool_fixture pool{4};
  auto balancer = starting("random", pool);
  int old_members = 0;
  for (int call = 0; call < 1000; ++call) {
    pool.leave(3);
    pool.join();
    pool.update(*balancer);
    old_members += pool.pick(*balancer) != 3;
  }
  CHECK(old_members >= 500);
}

TEST_CASE("subsets that change at every call are served evenly too") {
  pool_fixture pool{9};
  auto balancer = starting("random", pool);
  spi::random_source random{3};
  std::vector<std::uint64_t> counts(9);
  for (int call = 0; call < 9000; ++call) {
    for (auto& available : pool.available)
      available = random.chance(0.4);
    if (auto who = pool.pick(*balancer); who != no_slot)
      ++counts[who];
  }
  for (auto count : counts) {
    CHECK(count > 900);
    CHECK(count < 1100);
  }
}
