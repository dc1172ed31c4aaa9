#pragma once

#include <atoll/spi/balancer.hpp>
#include <atoll/verify/fair_shares.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What any balancer must hold to, as checks that know nothing of a test framework: each answers
/// with nothing when the balancer is right, or with a sentence that says what it did wrong.
namespace atl::properties {

using finding = std::optional<std::string>;
using candidates = std::vector<spi::candidate>;

/// Makes the balancer under test, with this seed and the options that the caller has chosen.
using balancer_maker = std::function<std::unique_ptr<spi::balancer>(std::uint64_t seed)>;

/// What a balancer's claims and kind let one expect of it.
struct balancer_traits {
  /// Its claim `shares`: `weighted` picks no candidate whose weight is 0 or no usable number.
  bool weighted = false;
  /// Its claim `spread` = `domains`.
  bool spreads = true;
  /// It claims no shares, so it may pick a candidate whose weight is 0, or leave it out.
  bool may_skip_weightless = false;
};

/// How large the lists of a run are, and how long it goes on.
struct change_bounds {
  std::size_t rounds = 60;     ///< calls of the balancer
  std::size_t size_max = 12;   ///< candidates in a list
  std::size_t domains_max = 5; ///< failure domains in a list
  std::size_t count_max = 7;   ///< candidates asked for in one call
};

/// Whether this candidate may be picked by such a balancer.
bool eligible(const spi::candidate& one, const balancer_traits& traits);
/// Whether this candidate must be picked by such a balancer when there is no other.
bool must_be_eligible(const spi::candidate& one, const balancer_traits& traits);

/// `size` candidates in up to `domains` failure domains (some in none), some of them unhealthy,
/// with weights of every kind when `weird`: 0, negative, infinite, tiny, not a number.
candidates random_candidates(spi::random_source& chance, std::size_t size, std::size_t domains,
                             bool weird);

/// A pick names a candidate that may be picked, and there is one whenever any may be.
finding picks_rightly(spi::balancer& balancer, const candidates& all, const balancer_traits& traits,
                      std::uint64_t key);

/// Several picks are different candidates that may be picked, as many as there are of them up to
/// `count`, and in new failure domains as long as there are any.
finding picks_many_rightly(spi::balancer& balancer, const candidates& all, std::size_t count,
                           const balancer_traits& traits, std::uint64_t key);

/// Right in each call while the candidates change under it: joining, leaving, dying, coming back,
/// all gone, with weights that are no weights, and with outcomes of nodes that nobody listed.
finding stays_right_under_change(const balancer_maker& make, const balancer_traits& traits,
                                 std::uint64_t seed, const change_bounds& bounds = {});

/// Two balancers of one seed, asked the same, answer the same.
finding repeats_itself(const balancer_maker& make, std::uint64_t seed, std::size_t rounds = 60);

/// How often each candidate is picked in `calls` calls of `pick_many(count)`, or of `pick` when
/// `count` is 0.
std::vector<std::uint64_t> tally(spi::balancer& balancer, const candidates& all, std::size_t count,
                                 std::size_t calls);

/// Over `calls` calls each candidate is picked as often as its share says, give or take
/// `tolerance` picks. Shares are those of `fair_shares`: in proportion to the weights (equal, when
/// not `weighted`) as far as failure domains allow.
finding shares_follow(spi::balancer& balancer, const candidates& all, std::size_t count,
                      std::size_t calls, const balancer_traits& traits, double tolerance);

/// Pearson's χ² of these counts against equal shares.
double chi_squared(const std::vector<std::uint64_t>& counts);

} // namespace atl::properties
