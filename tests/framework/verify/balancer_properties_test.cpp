#include "verify/balancer_properties.hpp"
#include "verify/fair_shares.hpp"
#include "verify/member_lists.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace properties = atl::properties;
using namespace atl::spi;
using atl::verify::equals;
using atl::verify::group;
using atl::verify::with_dead;

/// The checks are worth as much as the wrong balancers that they find.
namespace {

/// Always the first member that it takes for usable, but for the fault that a test gives it.
struct first_fit : balancer {
  void update(std::span<const member> members) override { size_ = members.size(); }
  slot pick(const pick_request& request, const member_facts& facts) override {
    for (slot who = 0; who < size_; ++who)
      if (facts.available[who] != 0 &&
          std::find(request.tried.begin(), request.tried.end(), who) == request.tried.end())
        return who;
    return no_slot;
  }
  std::size_t size_ = 0;
};

struct picks_the_dead : first_fit {
  slot pick(const pick_request&, const member_facts&) override { return size_ > 0 ? 0 : no_slot; }
};

struct gives_up : first_fit {
  slot pick(const pick_request& request, const member_facts& facts) override {
    return size_ > 5 ? no_slot : first_fit::pick(request, facts);
  }
};

struct repeats : first_fit {
  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    auto count = first_fit::pick_many(request, facts, picks);
    if (count > 1)
      picks[count - 1] = picks[0];
    return count;
  }
};

struct crowds : first_fit {
  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    std::vector<slot> tried(request.tried.begin(), request.tried.end());
    std::size_t count = 0;
    for (; count < picks.size(); ++count) {
      auto who = first_fit::pick({request.key, request.now, tried}, facts);
      if (who == no_slot)
        break;
      tried.push_back(picks[count] = who);
    }
    return count;
  }
};

/// Takes its chance from elsewhere than its seed.
struct forgets_its_seed : first_fit {
  slot pick(const pick_request& request, const member_facts& facts) override {
    static std::uint64_t calls = 0;
    auto first = first_fit::pick(request, facts);
    const slot tried[] = {first};
    return ++calls % 3 == 0 ? first_fit::pick({request.key, request.now, tried}, facts) : first;
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

template <class Balancer>
properties::finding pick_of(const properties::member_list& all,
                            const properties::balancer_traits& traits = {},
                            properties::tried_slots tried = {}) {
  properties::balancer_driver balancer{std::make_unique<Balancer>()};
  return properties::picks_rightly(balancer, all, traits, 0, tried);
}

template <class Balancer>
properties::finding picks_of(const properties::member_list& all, std::size_t count,
                             const properties::balancer_traits& traits = {}) {
  properties::balancer_driver balancer{std::make_unique<Balancer>()};
  return properties::picks_many_rightly(balancer, all, count, traits, 0);
}

/// Members of equal weight, one for each letter, which is its failure domain.
properties::member_list in_domains(const std::string& letters) {
  return group(std::vector<double>(letters.size(), 1), letters);
}

bool are_near(const std::vector<double>& shares, const std::vector<double>& due, double error) {
  return std::equal(shares.begin(), shares.end(), due.begin(), due.end(),
                    [&](double a, double b) { return std::abs(a - b) < error; });
}

} // namespace

TEST_CASE("a balancer that only has a bad taste passes the rules for all") {
  CHECK(found_in_change<first_fit>() == "");
}

TEST_CASE("each kind of wrong pick is found and named") {
  CHECK(*pick_of<picks_the_dead>(with_dead(equals(6), {0})) ==
        "picked member 1, which is unavailable");
  const slot tried[] = {0};
  CHECK(*pick_of<picks_the_dead>(equals(6), {}, tried) == "picked member 1, which was tried");
  CHECK(*pick_of<gives_up>(equals(6)) == "picked none, though member 1 is available");
  CHECK(*picks_of<gives_up>(equals(6), 2) == "picked 0 of 6 members when asked for 2");
  CHECK(*picks_of<repeats>(equals(3), 2) == "picked member 1 twice in one call");
  CHECK(*picks_of<crowds>(in_domains("xxy"), 2) ==
        "picked domain 120 again while another was unused");
  CHECK(found_in_change<picks_the_dead>() != "");
  CHECK(found_in_change<repeats>().find("twice") != std::string::npos);
  CHECK(found_in_change<crowds>().find("while another was unused") != std::string::npos);
}

TEST_CASE("picks that don't come from the seed are found") {
  auto make = [](auto) { return std::make_unique<forgets_its_seed>(); };
  CHECK(properties::repeats_itself(make, 1).has_value());
}

TEST_CASE("a driver calls update for what update tells, and for nothing else") {
  struct counts_updates : first_fit {
    explicit counts_updates(int& updates) : updates_{updates} {}
    void update(std::span<const member> members) override {
      first_fit::update(members);
      ++updates_;
    }
    int& updates_;
  };
  int updates = 0;
  properties::balancer_driver balancer{std::make_unique<counts_updates>(updates)};
  auto all = equals(3);
  balancer.use({});
  balancer.use(all);
  CHECK(updates == 2);
  all[0].available = false;
  all[1].in_flight = 7;
  all[2].latency = 9;
  balancer.use(all);
  CHECK(updates == 2);
  CHECK(balancer.pick(0) == 1);
  std::swap(all[0], all[1]);
  balancer.use(all);
  all[0].weight = 5;
  balancer.use(all);
  CHECK(updates == 4);
  CHECK(balancer.pick(0) == 0);
}

TEST_CASE("a member without weight may be left out by a balancer that claims no shares") {
  struct skips_weightless : first_fit {
    void update(std::span<const member> members) override {
      first_fit::update(members);
      weights_.assign(members.size(), 0);
      for (std::size_t i = 0; i < members.size(); ++i)
        weights_[i] = members[i].weight;
    }
    slot pick(const pick_request&, const member_facts& facts) override {
      for (slot who = 0; who < weights_.size(); ++who)
        if (facts.available[who] != 0 && weights_[who] > 0)
          return who;
      return no_slot;
    }
    std::vector<double> weights_;
  };
  properties::balancer_traits unclaimed{false, true, true}, weighted{true, true, false},
      uniform{false, true, false};
  auto all = group({0, 0});
  for (auto& traits : {unclaimed, weighted}) {
    CHECK_FALSE(pick_of<skips_weightless>(all, traits));
    CHECK_FALSE(picks_of<skips_weightless>(all, 2, traits));
    CHECK_FALSE(pick_of<first_fit>(all, traits)); // also that, as there is no other
  }
  CHECK(pick_of<skips_weightless>(all, uniform).has_value());
  CHECK(picks_of<skips_weightless>(all, 2, uniform).has_value());
}

TEST_CASE("a member without weight gets no pick by weight while another has weight") {
  properties::balancer_traits weighted{true, true, false};
  CHECK(*pick_of<first_fit>(group({0, 1}), weighted) ==
        "picked member 1, which has no weight, though member 2 has");
  CHECK(*picks_of<first_fit>(group({0, 1}), 2, weighted) ==
        "picked member 1, which has no weight, though others have");
}

TEST_CASE("drawn shares are those of draws without putting back") {
  using properties::drawn_shares;
  auto near = [](const std::vector<double>& shares, const std::vector<double>& due) {
    return are_near(shares, due, 1e-9);
  };
  CHECK(near(drawn_shares(group({5, 1, 1}), 1), {5 / 7., 1 / 7., 1 / 7.}));
  // 2/4, and after either of the others 2/3.
  CHECK(near(drawn_shares(group({2, 1, 1}), 2), {5 / 6., 7 / 12., 7 / 12.}));
  // a or b first: then c. c first: then a or b.
  CHECK(near(drawn_shares(in_domains("xxy"), 2), {0.5, 0.5, 1}));
  CHECK(near(drawn_shares(group({1e308, 1e308, 0}), 1), {0.5, 0.5, 0}));
}

TEST_CASE("fair shares are worked out under every limit") {
  using properties::fair_shares;
  auto near = [](const std::vector<double>& shares, const std::vector<double>& due) {
    return are_near(shares, due, 1e-6);
  };
  CHECK(near(fair_shares(group({5, 1, 1}), 1), {5 / 7., 1 / 7., 1 / 7.}));
  CHECK(near(fair_shares(group({9, 1, 1}), 2), {1, 0.5, 0.5}));  // one member, one pick
  CHECK(near(fair_shares(in_domains("xxy"), 2), {0.5, 0.5, 1})); // one domain, one pick
  CHECK(near(fair_shares(in_domains("xxxy"), 3), {2 / 3., 2 / 3., 2 / 3., 1}));
  CHECK(near(fair_shares(group({3, 0, 1}), 5), {1, 0, 1})); // as many as there are
}
