#include "../balancer_under_test.hpp"

#include <algorithm>

using namespace subject;

/// The checks are worth as much as the wrong balancers that they find.
namespace {

/// Always the first candidate that it takes for usable, but for the fault that a test gives it.
struct first_fit : spi::balancer {
  std::optional<std::size_t> pick(std::span<const spi::candidate> all, std::uint64_t) override {
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].healthy)
        return i;
    return std::nullopt;
  }
};

struct picks_the_dead : first_fit {
  std::optional<std::size_t> pick(std::span<const spi::candidate> all, std::uint64_t) override {
    return all.empty() ? std::nullopt : std::optional<std::size_t>{0};
  }
};

struct gives_up : first_fit {
  std::optional<std::size_t> pick(std::span<const spi::candidate> all, std::uint64_t key) override {
    return all.size() > 5 ? std::nullopt : first_fit::pick(all, key);
  }
};

struct repeats : first_fit {
  std::vector<std::size_t> pick_many(std::span<const spi::candidate> all, std::size_t count,
                                     std::uint64_t key) override {
    auto picks = first_fit::pick_many(all, count, key);
    if (picks.size() > 1)
      picks.back() = picks.front();
    return picks;
  }
};

struct crowds : first_fit {
  std::vector<std::size_t> pick_many(std::span<const spi::candidate> all, std::size_t count,
                                     std::uint64_t) override {
    std::vector<std::size_t> picks;
    for (std::size_t i = 0; i < all.size() && picks.size() < count; ++i)
      if (all[i].healthy)
        picks.push_back(i);
    return picks;
  }
};

/// Takes its chance from elsewhere than its seed.
struct forgets_its_seed : first_fit {
  std::optional<std::size_t> pick(std::span<const spi::candidate> all, std::uint64_t key) override {
    static std::uint64_t calls = 0;
    std::vector<spi::candidate> rest(all.begin(), all.end());
    if (++calls % 3 == 0 && rest.size() > 2)
      rest.front().healthy = false;
    return first_fit::pick(rest, key);
  }
};

template <class Balancer>
std::string found_in_change() {
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    if (auto wrong = properties::stays_right_under_change(
            [](auto) { return std::make_unique<Balancer>(); }, {}, seed))
      return *wrong;
  return "";
}

} // namespace

TEST_CASE("a balancer that only has a bad taste passes the rules for all") {
  CHECK(found_in_change<first_fit>() == "");
}

TEST_CASE("each kind of wrong pick is found and named") {
  properties::candidates six(6);
  six[0].healthy = false;
  picks_the_dead deadly;
  CHECK(properties::picks_rightly(deadly, six, {}, 0)->find("unhealthy") != std::string::npos);
  CHECK(found_in_change<picks_the_dead>() != "");
  six[0].healthy = true;
  gives_up balancer;
  CHECK(properties::picks_rightly(balancer, six, {}, 0)->find("picked none") == 0);
  CHECK(properties::picks_many_rightly(balancer, six, 2, {}, 0)->find("picked 0 of 6") == 0);
  CHECK(found_in_change<repeats>().find("twice") != std::string::npos);
  CHECK(found_in_change<crowds>().find("while another was unused") != std::string::npos);
}

TEST_CASE("picks that don't come from the seed are found") {
  auto make = [](auto) { return std::make_unique<forgets_its_seed>(); };
  CHECK(properties::repeats_itself(make, 1).has_value());
}

TEST_CASE("a share that is not the weight's is found") {
  first_fit balancer;
  auto wrong = properties::shares_follow(balancer, weighing({1, 1}), 0, 100, {}, 5);
  REQUIRE(wrong.has_value());
  CHECK(wrong->find("candidate 1 got 100 picks of 100 calls, but 50") != std::string::npos);
}

TEST_CASE("a candidate without weight may be left out by a balancer that claims no shares") {
  struct skips_weightless : first_fit {
    std::optional<std::size_t> pick(std::span<const spi::candidate> all, std::uint64_t) override {
      for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].healthy && all[i].weight > 0)
          return i;
      return std::nullopt;
    }
  } balancer;
  properties::balancer_traits unclaimed{false, true, true};
  auto all = weighing({0, 0});
  CHECK_FALSE(properties::picks_rightly(balancer, all, unclaimed, 0));
  CHECK_FALSE(properties::picks_many_rightly(balancer, all, 2, unclaimed, 0));
  CHECK(properties::picks_rightly(balancer, all, {false, true}, 0).has_value());
  CHECK(properties::picks_many_rightly(balancer, all, 2, {false, true}, 0).has_value());
}

TEST_CASE("drawn shares are those of draws without putting back") {
  auto near = [](const std::vector<double>& shares, const std::vector<double>& due) {
    return std::equal(shares.begin(), shares.end(), due.begin(), due.end(),
                      [](double a, double b) { return std::abs(a - b) < 1e-9; });
  };
  using properties::drawn_shares;
  CHECK(near(drawn_shares(weighing({5, 1, 1}), 1), {5 / 7., 1 / 7., 1 / 7.}));
  // 2/4, and after either of the others 2/3.
  CHECK(near(drawn_shares(weighing({2, 1, 1}), 2), {5 / 6., 7 / 12., 7 / 12.}));
  // a or b first: then c. c first: then a or b.
  CHECK(near(drawn_shares(in_domains("xxy"), 2), {0.5, 0.5, 1}));
  CHECK(near(drawn_shares(weighing({1e308, 1e308, 0}), 1), {0.5, 0.5, 0}));
}

TEST_CASE("fair shares are worked out under every limit") {
  auto near = [](const std::vector<double>& shares, const std::vector<double>& due) {
    for (std::size_t i = 0; i < due.size(); ++i)
      if (std::abs(shares[i] - due[i]) > 1e-6)
        return false;
    return shares.size() == due.size();
  };
  using properties::fair_shares;
  CHECK(near(fair_shares(weighing({5, 1, 1}), 1), {5 / 7., 1 / 7., 1 / 7.}));
  CHECK(near(fair_shares(weighing({9, 1, 1}), 2), {1, 0.5, 0.5})); // one candidate, one pick
  CHECK(near(fair_shares(in_domains("xxy"), 2), {0.5, 0.5, 1}));   // one domain, one pick
  CHECK(near(fair_shares(in_domains("xxxy"), 3), {2 / 3., 2 / 3., 2 / 3., 1}));
  CHECK(near(fair_shares(weighing({3, 0, 1}), 5), {1, 0, 1})); // as many as there are
}
