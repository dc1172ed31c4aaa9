#pragma once

#include "fair_shares.hpp"

#include <atoll/spi/balancer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Checks of any balancer, independent of a test framework: each returns nothing when the balancer
/// is right, or a sentence that describes the error.
namespace atl::properties {

using finding = std::optional<std::string>;
using candidates = std::vector<spi::candidate>;

/// Makes the balancer under test, with this seed and the options that the caller has chosen.
using balancer_maker = std::function<std::unique_ptr<spi::balancer>(std::uint64_t seed)>;

/// Properties that a balancer claims.
struct balancer_traits {
  /// Its claim `shares`: `weighted` picks no candidate whose weight is 0 or no usable number.
  bool weighted = false;
  /// Its claim `spread` = `domains`.
  bool spreads = true;
  /// Without the claim `shares` it may pick or skip candidates of weight 0.
  bool may_skip_weightless = false;
};

/// Bounds of the lists and the length of a run.
struct change_bounds {
  std::size_t rounds = 60;     ///< calls of the balancer
  std::size_t size_max = 12;   ///< candidates in a list
  std::size_t domains_max = 5; ///< failure domains in a list
  std::size_t count_max = 7;   ///< candidates asked for in one call
};

/// Whether this candidate may be picked by such a balancer.
bool eligible(const spi::candidate& one, const balancer_traits& traits);
/// Whether such a balancer must pick this candidate when it is the only one.
bool must_be_eligible(const spi::candidate& one, const balancer_traits& traits);

/// `size` candidates in up to `domains` failure domains (some in none), some unhealthy, and if
/// `weird` with weights of every kind: 0, negative, infinite, tiny, NaN.
candidates random_candidates(spi::random_source& random, std::size_t size, std::size_t domains,
                             bool weird);

/// A pick is an eligible candidate, and exists whenever a candidate is eligible.
finding picks_rightly(spi::balancer& balancer, const candidates& all, const balancer_traits& traits,
                      std::uint64_t key);

/// Several picks are distinct eligible candidates, as many as there are up to `count`, and in new
/// failure domains while there are any.
finding picks_many_rightly(spi::balancer& balancer, const candidates& all, std::size_t count,
                           const balancer_traits& traits, std::uint64_t key);

/// Picks stay valid while the candidates change: joining, leaving, dying, returning, all gone, with
/// invalid weights, and with outcomes of unlisted nodes.
finding stays_right_under_change(const balancer_maker& make, const balancer_traits& traits,
                                 std::uint64_t seed, const change_bounds& bounds = {});

/// Two balancers with the same seed and the same calls make the same picks.
finding repeats_itself(const balancer_maker& make, std::uint64_t seed, std::size_t rounds = 60);

/// Number of picks of each candidate in `calls` calls of `pick_many(count)`, or of `pick` when
/// `count` is 0.
std::vector<std::uint64_t> tally(spi::balancer& balancer, const candidates& all, std::size_t count,
                                 std::size_t calls);

/// Over `calls` calls each candidate is picked according to its share, within `tolerance` picks.
/// Shares are those of `fair_shares`: in proportion to the weights (equal, when not `weighted`), as
/// far as failure domains allow.
finding shares_follow(spi::balancer& balancer, const candidates& all, std::size_t count,
                      std::size_t calls, const balancer_traits& traits, double tolerance);

/// Pearson's χ² of these counts against equal shares.
double chi_squared(const std::vector<std::uint64_t>& counts);

} // namespace atl::properties
