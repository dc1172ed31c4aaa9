#pragma once

#include "balancer_properties.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace atl::verify::shares {

/// The bounds between which the expected number of picks of one call lies. They differ where a
/// member or a failure domain can't be picked twice in a call: a strategy may then make up for
/// that in later calls (`fair_shares`) or draw on among the others (`drawn_shares`).
struct due_share {
  double least = 0;
  double most = 0;
};

/// Expected picks of each member in one `pick_many(count)`, from 0 to 1, computed by a slow
/// reference algorithm: shares rise together, in proportion to weights, until their sum is `count`.
/// A member stops at 1; a failure domain stops at its even part of `count` plus one, and is
/// raised to its even part when it is below. Weights must be finite and not negative.
std::vector<due_share> due_shares(const properties::member_list& all, std::size_t count,
                                  const properties::balancer_traits& traits);

/// Sums the expected and actual picks of members.
class share_meter {
 public:
  explicit share_meter(std::size_t members) : gains_(members) {}

  /// One call's dues. Member `i` of the call is number `number[i]` here.
  void add_due(const std::vector<due_share>& due, const std::vector<std::size_t>& number);
  void add_pick(std::size_t number) { ++gains_[number].picks; }

  /// Whether the picks of each member, and of all together, are within the statistical bounds.
  properties::finding compare(const properties::member_list& all) const;

 private:
  struct gain {
    std::uint64_t picks = 0;
    double least = 0;
    double most = 0;
    double variance = 0; ///< of picks drawn each on its own
  };

  properties::finding compare_all() const;

  std::vector<gain> gains_;
};

} // namespace atl::verify::shares
