#include "../balancer_under_test.hpp"

using namespace subject;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, round_robin, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, round_robin, 1, 0, 0);

properties::balancer_maker starting(const std::string& at) {
  return maker(plugin, spi::options{{{"start", at}}});
}

const auto make = starting("random");
const auto make_lowest = starting("lowest");

/// The most by which the counts of candidates with equal shares ever differ in `calls` calls.
std::uint64_t greatest_gap(spi::balancer& balancer, const properties::candidates& all,
                           std::size_t count, std::size_t calls) {
  auto shares = properties::fair_shares(all, count);
  std::vector<std::uint64_t> counts(all.size());
  std::uint64_t gap = 0;
  for (std::size_t call = 0; call < calls; ++call) {
    for (auto i : balancer.pick_many(all, count, call))
      ++counts[i];
    for (std::size_t a = 0; a < all.size(); ++a)
      for (std::size_t b = 0; b < all.size(); ++b)
        if (std::abs(shares[a] - shares[b]) < 1e-6 && counts[a] > counts[b])
          gap = std::max(gap, counts[a] - counts[b]);
  }
  return gap;
}

/// Calls `visit` with every way to put `n` candidates in failure domains: "xx", "xy", …
template <class Visit>
void for_each_layout(std::size_t n, std::string letters, char next, Visit&& visit) {
  if (letters.size() == n)
    return visit(letters);
  for (char letter = 'a'; letter <= next; ++letter)
    for_each_layout(n, letters + letter, letter == next ? static_cast<char>(next + 1) : next,
                    visit);
}

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "round_robin", "uniform");
  REQUIRE(plugin.options.size() == 1);
  CHECK(std::string{plugin.options[0].name} == "start");
  CHECK(std::string{plugin.options[0].default_value} == "random");
}

TEST_CASE("the common rules hold") {
  check_common_rules(make, {});
}

TEST_CASE("candidates take turns in the order of their ids") {
  CHECK(spelled(*make_lowest(1), weighing({1, 1, 1}), 7) == "abcabca");
}

TEST_CASE("the order of the list doesn't matter") {
  auto all = weighing({1, 1, 1, 1});
  auto balancer = make_lowest(1);
  spi::random_source chance{9};
  std::string ids;
  for (int call = 0; call < 12; ++call) {
    for (auto i = all.size(); i > 1; --i)
      std::swap(all[i - 1], all[chance.below(i)]);
    ids += std::to_string(all[*balancer->pick(all, 0)].id);
  }
  CHECK(ids == "123412341234");
}

TEST_CASE("weights change nothing") {
  CHECK(spelled(*make_lowest(1), weighing({1, 50, 1, NAN}), 8) == "abcdabcd");
}

TEST_CASE(
    "balancers with different seeds begin with different candidates, unless start is lowest") {
  auto all = weighing({1, 1, 1, 1, 1});
  std::vector<std::uint64_t> first(all.size()), first_lowest(all.size());
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    ++first[*make(seed)->pick(all, 0)];
    ++first_lowest[*make_lowest(seed)->pick(all, 0)];
  }
  CHECK(properties::chi_squared(first) < 27.9); // 4 degrees of freedom: once in 80,000 runs
  CHECK(first_lowest[0] == 1000);
}

TEST_CASE("wherever it starts, the round goes on in the order of ids") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto picks = spelled(*make(seed), weighing({1, 1, 1, 1}), 8);
    CHECK(std::string{"abcdabcdabcd"}.find(picks) != std::string::npos);
  }
}

TEST_CASE("three at a time, counts of equal shares differ by one at most, in any domains") {
  for (std::size_t n = 1; n <= 7; ++n)
    for_each_layout(n, "", 'a', [](const std::string& domains) {
      auto balancer = make(domains.size());
      auto gap = greatest_gap(*balancer, in_domains(domains), 3, 60);
      CHECK_MESSAGE(gap <= 1, domains);
    });
}

TEST_CASE("any number at a time, counts of equal shares differ by one at most, in any domains") {
  for (std::size_t n = 1; n <= 6; ++n)
    for_each_layout(n, "", 'a', [&](const std::string& domains) {
      for (std::size_t count = 1; count <= n; ++count) {
        auto balancer = make(n);
        auto gap = greatest_gap(*balancer, in_domains(domains), count, 40);
        CHECK_MESSAGE(gap <= 1, domains << " by " << count);
      }
    });
}

TEST_CASE("without domains counts differ by one at most") {
  for (std::size_t n = 3; n <= 40; ++n) {
    auto balancer = make(n);
    CHECK(greatest_gap(*balancer, weighing(std::vector<double>(n, 1)), 3, 200) <= 1);
  }
}

TEST_CASE("in larger clusters of any shape no one is ever two picks from its due") {
  CHECK(holds_for_any_seed([](std::uint64_t seed) -> properties::finding {
    spi::random_source chance{seed};
    auto all = properties::random_candidates(chance, 1 + chance.below(30), chance.below(8), false);
    auto count = 1 + chance.below(6);
    auto balancer = make(seed);
    for (std::size_t calls : {7, 50, 400}) {
      auto fresh = make(seed);
      if (auto wrong = properties::shares_follow(*fresh, all, count, calls, {}, 2))
        return wrong;
    }
    return std::nullopt;
  }));
}

TEST_CASE("a new candidate gets its share and no more, and starves no other") {
  auto all = weighing({1, 1, 1});
  auto balancer = make(1);
  properties::tally(*balancer, all, 0, 1000);
  all.push_back(all.back());
  all.back().id = 99;
  auto counts = properties::tally(*balancer, all, 0, 400);
  for (auto count : counts) {
    CHECK(count >= 99);
    CHECK(count <= 101);
  }
}

TEST_CASE("a newcomer at every call doesn't keep the others from their turn") {
  auto all = weighing({1, 1, 1, 1});
  auto balancer = make(1);
  std::uint64_t old_ones = 0;
  for (std::uint64_t call = 0; call < 1000; ++call) {
    all.back().id = 1000 + call;
    old_ones += *balancer->pick(all, 0) != 3;
  }
  CHECK(old_ones >= 500);
}

TEST_CASE("subsets that change at every call are served evenly too") {
  auto all = weighing(std::vector<double>(9, 1));
  auto balancer = make(1);
  spi::random_source chance{3};
  std::map<std::uint64_t, std::uint64_t> counts;
  for (int call = 0; call < 9000; ++call) {
    properties::candidates subset;
    for (auto& one : all)
      if (chance.chance(0.4))
        subset.push_back(one);
    if (auto picked = balancer->pick(subset, 0))
      ++counts[subset[*picked].id];
  }
  for (auto& [id, count] : counts) {
    CHECK(count > 900);
    CHECK(count < 1100);
  }
}
