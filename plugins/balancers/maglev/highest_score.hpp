#pragma once

#include "../common/key_hash.hpp"

#include <atoll/spi/balancer.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace atl::balancers {

/// Weighted rendezvous hashing over all members (Thaler & Ravishankar 1998; weights after
/// Schindler & Schomaker 2005): a key goes to the member with the least −ln h(key, member) ÷
/// weight. Depends on ids and weights, not on the order of the list.
class highest_score {
 public:
  /// To be called by `update`.
  void update(std::span<const spi::member> members) {
    hashes_.clear();
    weights_.clear();
    for (auto& member : members) {
      hashes_.push_back(mix(member.id));
      weights_.push_back(member.weight);
    }
  }

  /// The first member for `key` among those for which `may(slot)` holds and whose weight is above
  /// 0; `no_slot` if there is none. O(members): a product and a comparison for most.
  template <class Predicate>
  spi::slot pick(std::uint64_t key, Predicate&& may) const {
    auto mixed_key = mix(key);
    auto best = spi::no_slot;
    auto least = std::numeric_limits<double>::infinity();
    for (spi::slot who = 0; who < hashes_.size(); ++who) {
      if (weights_[who] <= 0)
        continue;
      auto drawn = unit_of(fold(mixed_key, hashes_[who]));
      // −ln x ≥ 1 − x: most members are out of the question without their logarithm.
      if (1 - drawn >= least * weights_[who] || !may(who))
        continue;
      auto cost = -std::log(drawn) / weights_[who];
      if (cost < least || best == spi::no_slot) {
        least = cost;
        best = who;
      }
    }
    return best;
  }

 private:
  std::vector<std::uint64_t> hashes_; ///< of the ids
  std::vector<double> weights_;
};

} // namespace atl::balancers
