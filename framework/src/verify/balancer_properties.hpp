#pragma once

#include "balancer_driver.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

/// Checks of any balancer, independent of a test framework: each returns nothing when the balancer
/// is right, or a sentence that describes the error.
namespace atl::properties {

using finding = std::optional<std::string>;

/// Properties that a balancer claims.
struct balancer_traits {
  /// Its claim `shares` = `weighted`: it picks no member of weight 0 while another is left.
  bool weighted = false;
  /// Its claim `spread` = `domains`.
  bool spreads = true;
  /// Without the claim `shares` = `uniform` it may leave members of weight 0 out.
  bool may_skip_weightless = false;
};

/// Bounds of the lists and the length of a run.
struct change_bounds {
  std::size_t rounds = 60;     ///< calls of the balancer
  std::size_t size_max = 12;   ///< members in a list
  std::size_t domains_max = 5; ///< failure domains in a list
  std::size_t count_max = 7;   ///< members asked for in one call
};

using tried_slots = std::span<const spi::slot>;

/// A pick is an available member that was not tried, and exists whenever there is such a member.
finding picks_rightly(balancer_driver& balancer, const member_list& all,
                      const balancer_traits& traits, std::uint64_t key, tried_slots tried = {});

/// Several picks are distinct available members that were not tried, as many as there are up to
/// `count`, and in new failure domains while there are any.
/// @param count at least 1
finding picks_many_rightly(balancer_driver& balancer, const member_list& all, std::size_t count,
                           const balancer_traits& traits, std::uint64_t key,
                           tried_slots tried = {});

/// Picks stay valid while the members change: joining, leaving, dying, returning, all
/// gone, in another order, with other weights, with facts of every kind, with outcomes and results
/// of probes of any member.
finding stays_right_under_change(const balancer_maker& make, const balancer_traits& traits,
                                 std::uint64_t seed, const change_bounds& bounds = {});

/// The balancer wants probes of members only, and no more than there is room for; and it picks
/// whether results come, some come, or none.
finding probes_rightly(const balancer_maker& make, const balancer_traits& traits,
                       std::uint64_t seed);

/// Two balancers with the same seed and the same calls give the same answers.
finding repeats_itself(const balancer_maker& make, std::uint64_t seed, std::size_t rounds = 60);

} // namespace atl::properties
