#pragma once

#include "domains.hpp"

#include <atoll/spi/balancer.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace atl::balancers {

/// Whose turn it is within a failure domain: as `turn_queue`, but the credits of all members of the
/// domain are compared. Members are named by their positions in a `domain_table`. Not thread-safe;
/// allocates in `reserve` only.
class domain_turns {
 public:
  static constexpr std::size_t none = -1; ///< no position

  void reserve(std::size_t members) { members_.assign(members, {}); }

  /// @param credit in turns, before the first call
  /// @param share turns a call
  void set(std::size_t position, double credit, double share) {
    members_[position] = {credit, share};
  }
  /// The member has no turns.
  void leave_out(std::size_t position) { members_[position] = {}; }

  double credit(std::size_t position, std::uint64_t calls) const {
    return members_[position].credit + members_[position].share * static_cast<double>(calls);
  }

  void take(std::size_t position) { members_[position].credit -= 1; }

  /// The position of the member with the largest credit of those of the domain for which
  /// `may(slot)` holds, and of equal ones that with the lowest rank; `none` if there is none.
  /// @param ranks by slot
  template <class Predicate>
  std::size_t first(const domain_table& domains, std::size_t domain, std::uint64_t calls,
                    std::span<const std::uint32_t> ranks, Predicate&& may) const {
    constexpr double equal = 1e-9; // the rank decides, and not the last bit of a product
    auto best = none;
    auto best_credit = left_out;
    auto end = domains.begin(domain + 1);
    for (auto position = domains.begin(domain); position < end; ++position) {
      auto found = credit(position, calls);
      if (found < best_credit - equal || found == left_out || !may(domains.at(position)))
        continue;
      if (found > best_credit + equal || ranks[domains.at(position)] < ranks[domains.at(best)]) {
        best = position;
        best_credit = found;
      }
    }
    return best;
  }

 private:
  static constexpr double left_out = -std::numeric_limits<double>::infinity();

  struct turns {
    double credit = left_out;
    double share = 0;
  };

  std::vector<turns> members_; ///< by position
};

} // namespace atl::balancers
