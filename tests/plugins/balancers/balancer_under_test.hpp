#pragma once

#include "verify/balancer_properties.hpp"

#include <atoll/spi/balancer.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <rapidcheck.h>
#include <string>
#include <vector>

/// What the tests of all balancers share: how one is made, and what must hold for any.
namespace subject {

namespace properties = atl::properties;
namespace spi = atl::spi;

/// Makes balancers of this plugin with these options, as a host does.
inline properties::balancer_maker maker(const spi::descriptor& plugin,
                                        const spi::options& options = {}) {
  return [&plugin, options](std::uint64_t seed) {
    return std::unique_ptr<spi::balancer>{plugin.create.balancer({options, seed})};
  };
}

/// Healthy candidates 1, 2, …, one for each weight.
inline properties::candidates weighing(const std::vector<double>& weights) {
  properties::candidates made(weights.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i].id = i + 1;
    made[i].weight = weights[i];
  }
  return made;
}

/// Healthy candidates 1, 2, … of equal weight, one for each letter, which is its failure domain.
inline properties::candidates in_domains(const std::string& letters) {
  auto made = weighing(std::vector<double>(letters.size(), 1));
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i].domain = letters[i];
  return made;
}

/// The picks of `calls` calls as letters: a for the first candidate, b for the second; `-`: none.
inline std::string spelled(spi::balancer& balancer, const properties::candidates& all,
                           std::size_t calls) {
  std::string text;
  for (std::size_t call = 0; call < calls; ++call) {
    auto picked = balancer.pick(all, call);
    text += picked ? static_cast<char>('a' + *picked) : '-';
  }
  return text;
}

/// Runs a property that a seed decides on many seeds.
template <class Property>
bool holds_for_any_seed(Property&& property) {
  return rc::check([&](std::uint64_t seed) {
    properties::finding wrong = property(seed);
    RC_LOG() << wrong.value_or("") << '\n';
    RC_ASSERT(!wrong);
  });
}

/// The descriptor is one of a balancer of this name that a host can make sense of.
inline void check_descriptor(const spi::descriptor& plugin, const std::string& name,
                             const std::string& shares) {
  CHECK(plugin.magic == spi::descriptor::expected_magic);
  CHECK(plugin.kind == spi::plugin_kind::balancer);
  CHECK(std::string{plugin.name} == name);
  CHECK(std::string{plugin.version} == "1.0.0");
  CHECK(std::string{plugin.licence} == "Apache-2.0");
  REQUIRE(bool{plugin.create.balancer != nullptr});
  REQUIRE(plugin.claims.size() == 2);
  CHECK(std::string{plugin.claims[0].name} == "shares");
  CHECK(std::string{plugin.claims[0].value} == shares);
  CHECK(std::string{plugin.claims[1].name} == "spread");
  CHECK(std::string{plugin.claims[1].value} == "domains");
}

/// What no strategy may get wrong.
inline void check_common_rules(const properties::balancer_maker& make,
                               const properties::balancer_traits& traits) {
  SUBCASE("right whatever joins, leaves, dies and comes back") {
    CHECK(holds_for_any_seed([&](std::uint64_t seed) {
      return properties::stays_right_under_change(make, traits, seed);
    }));
  }
  SUBCASE("same seed, same picks") {
    CHECK(holds_for_any_seed(
        [&](std::uint64_t seed) { return properties::repeats_itself(make, seed); }));
  }
  SUBCASE("nobody to pick from is no pick") {
    auto balancer = make(1);
    CHECK_FALSE(balancer->pick({}, 0).has_value());
    CHECK(balancer->pick_many({}, 3, 0).empty());
    auto dead = in_domains("xyz");
    for (auto& one : dead)
      one.healthy = false;
    CHECK_FALSE(balancer->pick(dead, 0).has_value());
    CHECK(balancer->pick_many(dead, 3, 0).empty());
  }
  SUBCASE("no picks asked for are no picks") {
    CHECK(make(1)->pick_many(in_domains("xyz"), 0, 0).empty());
  }
  SUBCASE("more asked for than there are gives each once") {
    CHECK(make(1)->pick_many(in_domains("xxy"), 1'000'000, 0).size() == 3);
  }
  SUBCASE("one of a dead node's domain is still picked") {
    auto all = in_domains("xxy");
    all[0].healthy = false;
    auto picks = make(1)->pick_many(all, 2, 0);
    std::sort(picks.begin(), picks.end());
    CHECK(picks == std::vector<std::size_t>{1, 2});
  }
  SUBCASE("a node that dies gets nothing from then on, and its share again when it is back") {
    auto balancer = make(1);
    auto all = in_domains("wxyz");
    properties::tally(*balancer, all, 0, 40);
    all[2].healthy = false;
    CHECK(properties::tally(*balancer, all, 0, 4000)[2] == 0);
    all[2].healthy = true;
    auto back = properties::tally(*balancer, all, 0, 4000)[2];
    CHECK(back > 800);
    CHECK(back < 1200);
  }
  SUBCASE("candidates that are new at every call are picked like any") {
    auto balancer = make(1);
    auto all = in_domains("xyz");
    std::size_t picked = 0;
    for (std::uint64_t call = 0; call < 20'000; ++call) {
      for (auto& one : all)
        one.id += all.size();
      picked += balancer->pick(all, call).has_value();
    }
    CHECK(picked == 20'000);
  }
}

} // namespace subject
