#include "balancer_claim_checks.hpp"

#include "balancer_avoidance.hpp"
#include "balancer_keys.hpp"
#include "balancer_loads.hpp"
#include "balancer_shares.hpp"
#include "smooth_shares.hpp"

namespace atl::verify {

namespace {

using properties::finding;

/// A property that follows from a claim.
struct claim_check {
  const char* property;
  const char* claim;
  bool (*is_claimed)(const tested_balancer& it);
  std::uint64_t part; ///< of so many seeds one is checked
  std::uint64_t most; ///< so many seeds at most
  bool with_samples;  ///< checked with each sample of options
  finding (*holds)(const tested_balancer& it, std::uint64_t seed);
};

bool has_shares(const tested_balancer& it) {
  return !it.shares.empty();
}

bool keeps_keys(const tested_balancer& it) {
  return !it.keys.empty();
}

template <auto check>
finding of_shares(const tested_balancer& it, std::uint64_t seed) {
  return check(it.make, it.traits, seed);
}

finding shares_of_many(const tested_balancer& it, std::uint64_t seed) {
  for (std::size_t size : {100, 1'000})
    if (auto wrong = shares::of_many(it.make, it.traits, size, seed))
      return *wrong + ", of " + std::to_string(size) + " members";
  return std::nullopt;
}

constexpr claim_check checks[] = {
    {"shares over many picks", "shares", has_shares, 20, 12, true,
     of_shares<shares::over_many_picks>},
    {"shares whatever the facts", "shares", has_shares, 20, 12, true,
     of_shares<shares::whatever_the_facts>},
    {"shares with one of four unavailable", "shares", has_shares, 20, 12, false,
     of_shares<shares::with_one_dead>},
    {"shares after weights change", "shares", has_shares, 20, 12, false,
     of_shares<shares::after_other_weights>},
    {"shares after members die and come back", "shares", has_shares, 20, 12, false,
     of_shares<shares::after_deaths>},
    {"shares after members join and leave", "shares", has_shares, 20, 12, false,
     of_shares<shares::after_joins>},
    {"shares whatever the order of the list", "shares", has_shares, 20, 12, false,
     of_shares<shares::in_any_order>},
    {"shares whatever comes of the requests", "shares", has_shares, 20, 12, false,
     of_shares<shares::whatever_the_outcomes>},
    {"shares among 100 and 1,000 members", "shares", has_shares, 500, 2, false, shares_of_many},
    {"shares at any time", "smooth", [](const tested_balancer& it) { return it.smooth; }, 10, 100,
     true, of_shares<shares::stay_smooth>},
    {"a key stays with its members", "keys", keeps_keys, 10, 100, true,
     [](const tested_balancer& it, std::uint64_t seed) {
       return keys::stay(it.make, seed, it.load_bound);
     }},
    {"few keys move when members change", "keys",
     [](const tested_balancer& it) { return it.keys == "minimal" || it.keys == "few"; }, 20, 12,
     true,
     [](const tested_balancer& it, std::uint64_t seed) {
       return keys::move_little(it.make, seed, it.keys);
     }},
    {"no pick goes beyond the bound of load", "load_bound",
     [](const tested_balancer& it) { return it.load_bound.has_value(); }, 10, 100, true,
     [](const tested_balancer& it, std::uint64_t seed) {
       return loads::stay_bounded(it.make, seed, *it.load_bound);
     }},
    {"no member gets much more than the others", "max_load",
     [](const tested_balancer& it) { return it.max_load.has_value(); }, 100, 5, true,
     [](const tested_balancer& it, std::uint64_t seed) {
       return loads::stay_even(it.make, seed, *it.max_load);
     }},
    {"a slow member gets little", "avoids",
     [](const tested_balancer& it) { return it.avoids_slow; }, 10, 50, true,
     [](const tested_balancer& it, std::uint64_t seed) {
       return avoids(it.make, seed, ailment::slow);
     }},
    {"a failing member gets little", "avoids",
     [](const tested_balancer& it) { return it.avoids_failing; }, 10, 50, true,
     [](const tested_balancer& it, std::uint64_t seed) {
       return avoids(it.make, seed, ailment::failing);
     }},
};

} // namespace

void check_claims(const tested_balancer& it, recorder& out) {
  if (!has_shares(it))
    out.skip("shares over many picks", "it claims no shares");
  for (auto& check : checks)
    if (check.is_claimed(it))
      out.check(check.property, check.claim, [&] {
        return it.for_seeds(check.part, check.most,
                            [&](auto seed) { return check.holds(it, seed); });
      });
}

properties::finding breaks_a_claim(const tested_balancer& it, std::uint64_t seed) {
  for (auto& check : checks)
    if (check.with_samples && check.is_claimed(it))
      if (auto wrong = check.holds(it, seed))
        return wrong;
  return std::nullopt;
}

} // namespace atl::verify
