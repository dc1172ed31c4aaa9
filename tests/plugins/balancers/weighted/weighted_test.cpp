#include "../balancer_under_test.hpp"

using namespace subject;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, weighted, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, weighted, 1, 0, 0);
const auto make = maker(plugin);
const properties::balancer_traits traits{true, true};

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

} // namespace

TEST_CASE("the descriptor says what the plugin is") {
  check_descriptor(plugin, "weighted", "weighted");
}

TEST_CASE("the common rules hold") {
  check_common_rules(make, traits);
}

TEST_CASE("weights 5, 1, 1 give exactly a a b a c a a, again and again") {
  CHECK(spelled(*make(1), weighing({5, 1, 1}), 14) == "aabacaaaabacaa");
}

TEST_CASE("whole weights give the order of nginx, pick by pick") {
  CHECK(holds_for_any_seed([](std::uint64_t seed) -> properties::finding {
    spi::random_source chance{seed};
    std::vector<std::int64_t> whole(1 + chance.below(12));
    std::vector<double> weights;
    for (auto& weight : whole) {
      weight = chance.between(1, 40);
      weights.push_back(static_cast<double>(weight));
    }
    if (spelled(*make(seed), weighing(weights), 2000) != nginx_picks(whole, 2000))
      return "goes another way than nginx";
    return std::nullopt;
  }));
}

TEST_CASE("weights are shares: a common factor changes nothing, however large or small") {
  for (double factor : {1e-300, 1e-9, 1.0, 7.0, 1e9, 1e300})
    CHECK(spelled(*make(1), weighing({5 * factor, factor, factor}), 14) == "aabacaaaabacaa");
}

TEST_CASE("weight 0, below 0 and not a number get nothing, not even when all else is gone") {
  auto all = weighing({0, -5, NAN, 1, -INFINITY, -0.0});
  CHECK(spelled(*make(1), all, 5) == "ddddd");
  CHECK(make(1)->pick_many(all, 3, 0) == std::vector<std::size_t>{3});
  all[3].healthy = false;
  CHECK(spelled(*make(1), all, 3) == "---");
  CHECK(make(1)->pick_many(all, 3, 0).empty());
}

TEST_CASE("an infinite weight is a very large one") {
  CHECK(spelled(*make(1), weighing({1, INFINITY, 2}), 50) == std::string(50, 'b'));
  CHECK(spelled(*make(1), weighing({INFINITY, 1, INFINITY}), 4) == "acac");
  constexpr auto most = std::numeric_limits<double>::max();
  CHECK(spelled(*make(1), weighing({most, most}), 4) == "abab");
}

TEST_CASE("the least of weights is picked when nothing else is left to spread to") {
  auto picks = make(1)->pick_many(weighing({1e300, 1e-300, 5e-324}), 3, 0);
  CHECK(picks.size() == 3);
}

TEST_CASE("any weights: shares follow to within a few picks, singly and several at once") {
  CHECK(holds_for_any_seed([](std::uint64_t seed) -> properties::finding {
    spi::random_source chance{seed};
    auto all = properties::random_candidates(chance, 1 + chance.below(20), chance.below(7), false);
    for (auto& one : all)
      one.weight = std::exp(6 * chance.unit());
    for (std::size_t count : {0, 1, 2, 3, 5})
      for (std::size_t calls : {10, 300, 3000}) {
        auto fresh = make(seed);
        if (auto wrong = properties::shares_follow(*fresh, all, count, calls, traits, 3))
          return wrong;
      }
    return std::nullopt;
  }));
}

TEST_CASE("three at once follow the weights of nodes of three sizes") {
  auto balancer = make(1);
  auto counts = properties::tally(*balancer, weighing({4, 4, 2, 2, 1, 1, 1}), 3, 1000);
  // 15 parts, 3 picks a call: 800 of 1000 calls for weight 4.
  for (auto [i, due] : {std::pair{0, 800}, {1, 800}, {2, 400}, {3, 400}, {4, 200}, {6, 200}})
    CHECK(std::abs(static_cast<int>(counts[static_cast<std::size_t>(i)]) - due) <= 2);
}

TEST_CASE("who is due more than once a call is picked by every call, and the rest share the rest") {
  auto balancer = make(1);
  auto counts = properties::tally(*balancer, weighing({100, 3, 2, 1}), 2, 600);
  CHECK(counts[0] == 600);
  CHECK(std::abs(static_cast<int>(counts[1]) - 300) <= 1);
  CHECK(std::abs(static_cast<int>(counts[2]) - 200) <= 1);
  CHECK(std::abs(static_cast<int>(counts[3]) - 100) <= 1);
}

TEST_CASE("a domain that holds most of the weight still gives one a call, shared by weight") {
  auto all = in_domains("xxyz");
  all[0].weight = 30;
  all[1].weight = 10;
  auto balancer = make(1);
  auto counts = properties::tally(*balancer, all, 2, 400);
  CHECK(std::abs(static_cast<int>(counts[0]) - 300) <= 1);
  CHECK(std::abs(static_cast<int>(counts[1]) - 100) <= 1);
  CHECK(std::abs(static_cast<int>(counts[2]) - 200) <= 1);
  CHECK(std::abs(static_cast<int>(counts[3]) - 200) <= 1);
}

TEST_CASE("single and several picks share one account") {
  auto all = weighing({3, 2, 1});
  auto balancer = make(1);
  std::vector<std::uint64_t> counts(3);
  for (int call = 0; call < 600; ++call) {
    if (call % 2 == 0)
      ++counts[*balancer->pick(all, 0)];
    else
      for (auto i : balancer->pick_many(all, 1, 0))
        ++counts[i];
  }
  CHECK(counts == std::vector<std::uint64_t>{300, 200, 100});
}

TEST_CASE("a weight that changes while running is followed at once") {
  auto all = weighing({1, 1});
  auto balancer = make(1);
  properties::tally(*balancer, all, 0, 1000);
  all[0].weight = 9'000'000;
  all[1].weight = 1'000'000;
  auto counts = properties::tally(*balancer, all, 0, 1000);
  CHECK(std::abs(static_cast<int>(counts[0]) - 900) <= 2);
}

TEST_CASE("a node that was away gets no more than its share to make up for it") {
  auto all = weighing({5, 3, 2});
  auto balancer = make(1);
  all[0].healthy = false;
  properties::tally(*balancer, all, 0, 5000);
  all[0].healthy = true;
  auto counts = properties::tally(*balancer, all, 0, 100);
  CHECK(std::abs(static_cast<int>(counts[0]) - 50) <= 2);
}
