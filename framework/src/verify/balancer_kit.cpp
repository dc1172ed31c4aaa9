#include "recorder.hpp"

#include <atoll/verify/balancer_properties.hpp>

#include <fmt/format.h>

/// What every balancer must hold to (`atoll/spi/balancer.hpp`), and what its claims add.
namespace atl::verify {

namespace {

using properties::finding;

/// Tries a property of a seed on all of them.
std::uint64_t for_each_seed(const effort& how, const std::function<finding(std::uint64_t)>& holds) {
  for (auto seed = how.first; seed < how.first + how.seeds; ++seed)
    if (auto wrong = holds(seed))
      throw broken(fmt::format("seed {}: it {}", seed, *wrong));
  return how.seeds;
}

/// Healthy candidates with these weights, each in the failure domain that its letter names.
properties::candidates group(const std::vector<double>& weights, const std::string& domains) {
  properties::candidates made(weights.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i].id = i + 1;
    made[i].weight = weights[i];
    if (i < domains.size())
      made[i].domain = domains[i];
  }
  return made;
}

/// The same candidates as a host meets them in the middle of its work: fuller, busier and slower
/// each than the one before. Shares by weight don't depend on that.
properties::candidates loaded(properties::candidates all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].free_bytes = std::uint64_t{1} << (40 - 5 * i);
    all[i].in_flight = static_cast<std::uint32_t>(10 * i);
    all[i].latency = std::chrono::milliseconds{1 + 20 * i};
  }
  return all;
}

/// Over many picks the shares are what is due. Chance may err by six standard deviations.
std::uint64_t keeps_shares(const properties::balancer_maker& make,
                           const properties::balancer_traits& traits, const effort& how) {
  constexpr std::size_t calls = 6'000;
  auto tolerance = 6 * std::sqrt(static_cast<double>(calls) / 4);
  const std::vector<properties::candidates> groups{
      group({1, 1, 1}, ""),         group({1, 2, 3, 4}, ""),
      group({5, 1, 1, 1}, "xxyy"),  group({1, 1, 1, 1, 1, 1}, "xxyyzz"),
      loaded(group({1, 1, 1}, "")), loaded(group({4, 3, 2, 1}, ""))};
  auto rounds = std::max<std::uint64_t>(1, std::min<std::uint64_t>(how.seeds / 10, 50));
  for (std::uint64_t seed = how.first; seed < how.first + rounds; ++seed)
    for (auto& all : groups)
      for (std::size_t count : {0, 2}) {
        auto balancer = make(seed);
        if (auto wrong = properties::shares_follow(*balancer, all, count, calls, traits, tolerance))
          throw broken(fmt::format("seed {}: {}", seed, *wrong));
      }
  return rounds * groups.size() * 2;
}

std::uint64_t handles_nobody(const properties::balancer_maker& make) {
  auto balancer = make(1);
  auto dead = group({1, 1, 1}, "");
  for (auto& one : dead)
    one.healthy = false;
  if (balancer->pick({}, 0) || !balancer->pick_many({}, 3, 0).empty())
    throw broken("it picks one of no candidates");
  if (balancer->pick(dead, 0) || !balancer->pick_many(dead, 3, 0).empty())
    throw broken("it picks one of candidates that are all dead");
  if (!balancer->pick_many(group({1, 1}, ""), 0, 0).empty())
    throw broken("asked for no candidates it picks some");
  return 5;
}

/// Whatever it remembers of candidates that are gone mustn't keep it from picking those that are
/// there.
std::uint64_t forgets_the_gone(const properties::balancer_maker& make) {
  constexpr std::uint64_t calls = 20'000;
  auto balancer = make(1);
  auto all = group({1, 1, 1}, "xyz");
  for (std::uint64_t call = 0; call < calls; ++call) {
    for (auto& one : all)
      one.id += all.size();
    if (!balancer->pick(all, call))
      throw broken(fmt::format("it picks none of three new candidates in call {}", call));
  }
  return calls;
}

} // namespace

void verify_balancer(const spi::descriptor& it, const spi::options& options, recorder& out) {
  properties::balancer_maker make = [&](std::uint64_t seed) {
    return std::unique_ptr<spi::balancer>{it.create_balancer({options, seed})};
  };
  auto shares = claim_of(it, "shares");
  properties::balancer_traits traits{shares == "weighted", claim_of(it, "spread") == "domains"};
  auto& how = out.how();
  out.check("nobody to pick from is no pick", {}, [&] { return handles_nobody(make); });
  out.check("only usable candidates, each once, whatever joins, dies and comes back",
            traits.spreads ? "spread" : "", [&] {
              return for_each_seed(how, [&](auto seed) {
                return properties::stays_right_under_change(make, traits, seed);
              });
            });
  out.check("same seed, same picks", {}, [&] {
    return for_each_seed(how, [&](auto seed) { return properties::repeats_itself(make, seed); });
  });
  out.check("candidates that are new at every call are picked like any", {},
            [&] { return forgets_the_gone(make); });
  if (shares == "uniform" || shares == "weighted")
    out.check("shares over many picks", "shares", [&] { return keeps_shares(make, traits, how); });
  else
    out.skip("shares over many picks", "it claims no shares");
}

} // namespace atl::verify
