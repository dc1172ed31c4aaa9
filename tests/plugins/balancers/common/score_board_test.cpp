#include "common/score_board.hpp"
#include "pool_fixture.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace balancer_test;
using namespace atl::balancers;

namespace {

/// Scores that are whole numbers.
void measure(score_board& board, pool_fixture& pool, const std::vector<int>& scores,
             std::span<const slot> tried = {}) {
  board.measure({.tried = tried}, pool.facts(), [&](std::size_t who) {
    return score_board::to_score(static_cast<float>(scores[who]));
  });
}

/// Each pick is one of the least scores in domains that weren't used since all were, and there are
/// as many picks as there can be.
void check_picks(const pool_fixture& pool, const std::vector<int>& scores,
                 std::span<const slot> tried, std::span<const slot> picks, std::size_t wanted) {
  std::set<slot> left;
  for (slot who = 0; who < pool.size(); ++who)
    if (pool.may_pick(who, tried) && pool.members[who].weight > 0)
      left.insert(who);
  CHECK(picks.size() == std::min(wanted, left.size()));
  std::set<std::uint32_t> used;
  auto least_open = [&] {
    auto least = -1;
    for (auto who : left)
      if (!used.contains(pool.members[who].domain) && (least < 0 || scores[who] < least))
        least = scores[who];
    return least;
  };
  for (auto who : picks) {
    if (least_open() < 0)
      used.clear();
    REQUIRE(left.contains(who));
    CHECK_FALSE(used.contains(pool.members[who].domain));
    CHECK(scores[who] == least_open());
    left.erase(who);
    used.insert(pool.members[who].domain);
  }
}

/// How often each of the first members is picked that alone share the least score.
std::vector<std::uint64_t> shares_of_ties(ties rule, const std::vector<double>& weights,
                                          std::size_t others) {
  auto pool = pool_fixture::weighing(weights);
  for (std::size_t i = 0; i < others; ++i)
    pool.join();
  std::vector<int> scores(pool.size(), 2);
  std::fill_n(scores.begin(), weights.size(), 1);
  score_board board{rule};
  board.update(pool.members);
  spi::random_source random{1};
  std::vector<std::uint64_t> counts(pool.size());
  for (int call = 0; call < 6000; ++call) {
    measure(board, pool, scores);
    ++counts[board.pick(random)];
  }
  for (std::size_t i = weights.size(); i < counts.size(); ++i)
    CHECK(counts[i] == 0);
  counts.resize(weights.size());
  return counts;
}

} // namespace

TEST_CASE("several picks are the least scores in different domains, in pools of any size") {
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (std::size_t members : {1, 7, 31, 32, 33, 64, 150}) {
      spi::random_source random{seed};
      pool_fixture pool{members};
      std::vector<int> scores;
      for (std::size_t i = 0; i < members; ++i) {
        pool.members[i].domain = static_cast<std::uint32_t>(random.below(1 + seed));
        pool.members[i].weight = random.chance(0.1) ? 0 : 0.5 + random.unit();
        pool.available[i] = random.chance(0.8);
        scores.push_back(static_cast<int>(random.below(1 + 10 * seed)));
      }
      std::vector<slot> tried;
      while (random.chance(0.6))
        tried.push_back(static_cast<slot>(random.below(members + 2)));
      score_board board{seed % 2 == 0 ? ties::alike : ties::by_weight};
      board.update(pool.members);
      for (std::size_t wanted : {std::size_t{1}, std::size_t{3}, members / 2 + 1, members + 1}) {
        measure(board, pool, scores, tried);
        std::vector<slot> picks(wanted, no_slot);
        picks.resize(board.pick_many(picks, random));
        check_picks(pool, scores, tried, picks, wanted);
      }
    }
}

TEST_CASE("members with equal scores are drawn alike or by weight, be they few or many") {
  for (std::size_t others : {0, 5, 500}) {
    CHECK(chi_squared(shares_of_ties(ties::alike, {1, 2, 5}, others)) < chi_squared_max(3));
    CHECK(chi_squared(shares_of_ties(ties::by_weight, {1, 2, 5}, others), {1, 2, 5}) <
          chi_squared_max(3));
  }
  auto weights = std::vector<double>(100, 1);
  CHECK(chi_squared(shares_of_ties(ties::alike, weights, 0)) < chi_squared_max(100));
}

TEST_CASE("scores are in the order of the values, reverse scores in the other") {
  constexpr auto infinity = std::numeric_limits<float>::infinity();
  auto ascending = {0.0F, 1e-40F, 1.0F, 1.5F, 1e38F, infinity};
  auto before = score_board::to_score(0) - 1;
  auto before_reverse = score_board::none;
  for (auto value : ascending) {
    CHECK(score_board::to_score(value) > before);
    CHECK(score_board::to_reverse_score(value) < before_reverse);
    before = score_board::to_score(value);
    before_reverse = score_board::to_reverse_score(value);
  }
  CHECK(before < score_board::none);
  CHECK(before_reverse >= 0);
}

TEST_CASE("what is no number counts as more than any number, and can be picked") {
  for (auto nan :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()}) {
    CHECK(score_board::to_score(nan) > score_board::to_score(1e38F));
    CHECK(score_board::to_score(nan) < score_board::none);
  }
}
