#pragma once

#include <atoll/keep/units.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace atl::keep {

/// The units of which too few fragments can be reached, so that each is told of once, and once more
/// when it can be read again. Bounded, as are therefore the notices: of what doesn't fit nothing is
/// told, and it is counted all the same (`redundancy::lost`).
class unreadable_units {
 public:
  static constexpr std::size_t units_max = 1000;

  /// @param pass of the survey under way
  /// @returns whether it is to be told that the unit is unreadable
  bool add(const unit_id& unit, std::uint64_t pass);
  /// @returns whether it was told that the unit is unreadable
  bool erase(const unit_id& unit) { return passes_.erase(unit) > 0; }
  /// The units that were not added again since a pass began.
  std::vector<unit_id> not_seen_since(std::uint64_t pass) const;
  void clear() { passes_.clear(); }

 private:
  std::map<unit_id, std::uint64_t> passes_; ///< in which each unit was added last
};

} // namespace atl::keep
